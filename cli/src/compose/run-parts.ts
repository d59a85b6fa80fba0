import { performance } from 'node:perf_hooks';
import { createPinoLogger } from '@cometmq/common/logging/pino-logger';
import type { CommandContext } from '../command/command.ts';
import type { CometConfig } from '../config/comet-config.ts';
import { brokerPart } from './broker-part.ts';
import type { AddressedPart } from './parts.ts';
import { consolePart, isLoopback, nameServerPart, systemPorts } from './parts.ts';
import type { ReadyReport } from './ready-report.ts';
import { banner, readyReport, writePortsFile } from './ready-report.ts';
import { startParts, stopParts } from './server-part.ts';

export type Role = 'namesrv' | 'broker' | 'console';

/** Runs the servers of the roles in this process until it is interrupted. */
export async function runParts(
  context: CommandContext,
  mode: ReadyReport['mode'],
  config: CometConfig,
  roles: readonly Role[],
): Promise<undefined> {
  const { output, options, signal } = context;
  warnIfOpen(context, config, roles);
  const ports = systemPorts(createPinoLogger(config.logLevel));
  const parts = new Map<Role, AddressedPart>();
  const nameServers = (configured: readonly string[]) => (): readonly string[] => {
    const own = parts.get('namesrv')?.address();
    return configured.length > 0 || own === undefined ? configured : [own];
  };
  if (roles.includes('namesrv')) parts.set('namesrv', await nameServerPart(ports, config));
  if (roles.includes('broker'))
    parts.set('broker', await brokerPart(ports, config, nameServers(config.broker.nameServers)));
  if (roles.includes('console')) {
    parts.set('console', await consolePart(ports, config, nameServers(config.console.nameServers)));
  }
  const all = [...parts.values()];
  await startParts(all);
  const addresses = {
    namesrv: parts.get('namesrv')?.address(),
    broker: parts.get('broker')?.address(),
    console: parts.get('console')?.address(),
  };
  // Since the process began, so that loading the program counts.
  const report = readyReport(mode, config, addresses, performance.now());
  // Started by npm or npx: then the command is not on the path.
  const comet = context.env['npm_execpath'] === undefined ? 'comet' : 'npx comet';
  try {
    // First: whoever reads the line may look into the file.
    const portsFile = options.text('ports-file');
    if (portsFile !== undefined) writePortsFile(portsFile, report);
    output.data(output.isTerminal && output.isText ? banner(report, comet) : `${JSON.stringify(report)}\n`);
    await interrupted(signal);
    output.say('stopping; a second signal does not wait');
  } finally {
    await stopParts(all);
  }
  return undefined;
}

function interrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function warnIfOpen({ output }: CommandContext, config: CometConfig, roles: readonly Role[]): void {
  for (const role of roles) {
    const { host } = config[role];
    if (!isLoopback(host))
      output.say(`warning: ${role} listens on ${host} without a sign-in; guard the network`);
  }
}
