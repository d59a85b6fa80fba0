import { usageError } from '../command/cli-error.ts';
import type { CommandContext } from '../command/command.ts';
import { validConfig } from '../config/read-config.ts';
import { requireFreePort } from './choose-port.ts';
import { BROKER_ALSO_NEEDS } from './run-dev.ts';
import type { Role } from './run-parts.ts';
import { runParts } from './run-parts.ts';

/** The servers of the roles with their configured ports; a taken one is an error. */
export async function runStart(context: CommandContext, roles: readonly Role[]): Promise<undefined> {
  const { options, env } = context;
  const port = options.whole('port', { min: 0, max: 65_535 });
  const [role] = roles;
  if (port !== undefined && (roles.length > 1 || role === undefined)) {
    throw usageError(
      '--port is for one role',
      'use --set namesrv.port=N, --set broker.port=N or --set console.port=N',
    );
  }
  const flags = port === undefined || role === undefined ? {} : { [`${role}.port`]: port };
  const config = validConfig(context, { flags, defaults: nameServersOfEnvironment(roles, env) });
  if (!roles.includes('namesrv')) {
    for (const needing of ['broker', 'console'] as const) {
      if (roles.includes(needing) && config[needing].nameServers.length === 0) {
        throw usageError(`the ${needing} needs name servers`, 'name them: --namesrv host:9876;host:9876');
      }
    }
  }
  for (const each of roles) {
    const title = each === 'namesrv' ? 'name server' : each;
    const { host, port: wanted } = config[each];
    await requireFreePort({
      title,
      host,
      port: wanted,
      alsoNeeds: each === 'broker' ? BROKER_ALSO_NEEDS : [],
    });
  }
  return runParts(context, 'start', config, roles);
}

/** `NAMESRV_ADDR`, as RocketMQ's own brokers read it; not for a process that brings its own name server. */
function nameServersOfEnvironment(
  roles: readonly Role[],
  env: CommandContext['env'],
): Record<string, unknown> {
  const addresses = env['NAMESRV_ADDR']?.split(';').filter((address) => address !== '');
  if (addresses === undefined || roles.includes('namesrv')) return {};
  return { 'broker.nameServers': addresses, 'console.nameServers': addresses };
}
