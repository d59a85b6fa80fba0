import type { CommandContext } from '../command/command.ts';
import type { CometConfig } from '../config/comet-config.ts';
import { validConfig } from '../config/read-config.ts';
import { nextFreePort } from './choose-port.ts';
import type { Role } from './run-parts.ts';
import { runParts } from './run-parts.ts';

/** The VIP port of RocketMQ's clients is two below the broker's. */
export const BROKER_ALSO_NEEDS: readonly number[] = [-2];

/** Name server, broker and console in one process. A taken port is replaced, and that is said. */
export async function runDev(context: CommandContext): Promise<undefined> {
  const { output, options } = context;
  // A person reads the terminal: only what matters, unless more is asked for.
  const config = validConfig(context, { defaults: { logLevel: 'warn' } });
  const roles: Role[] = options.flag('no-console') ? ['namesrv', 'broker'] : ['namesrv', 'broker', 'console'];
  const reserved = new Set<number>();
  const chosen: CometConfig = { ...config };
  for (const role of roles) {
    const { host, port } = config[role];
    const title = role === 'namesrv' ? 'name server' : role;
    const alsoNeeds = role === 'broker' ? BROKER_ALSO_NEEDS : [];
    const choice = await nextFreePort({ title, host, port, alsoNeeds }, reserved);
    if (choice.instead !== undefined)
      output.say(`port ${choice.instead} is taken: the ${title} uses ${choice.port}`);
    Object.assign(chosen, { [role]: { ...config[role], port: choice.port } });
  }
  return runParts(context, 'dev', chosen, roles);
}
