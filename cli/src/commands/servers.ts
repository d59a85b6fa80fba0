import type { Command, CommandContext } from '../command/command.ts';
import { usageError } from '../command/cli-error.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { CONFIG_OPTIONS } from './server-options.ts';

const ROLES = ['namesrv', 'broker', 'console'] as const;
type Role = (typeof ROLES)[number];

async function dev(context: CommandContext): Promise<ExitCode | undefined> {
  const { runDev } = await import('../compose/run-dev.ts');
  return runDev(context);
}

async function start(context: CommandContext): Promise<ExitCode | undefined> {
  const { runStart } = await import('../compose/run-start.ts');
  return runStart(context, rolesOf(context));
}

export const serverCommands: readonly Command[] = [
  {
    name: 'dev',
    about:
      'run name server, broker and console on this machine; a taken port is replaced by the next free one',
    options: {
      ...CONFIG_OPTIONS,
      'ports-file': { value: 'FILE', about: 'write the addresses to this file as JSON once ready' },
      'no-console': { about: 'without the console' },
    },
    examples: ['comet dev', 'comet dev --data ./data --flush async'],
    untilInterrupted: true,
    run: dev,
  },
  {
    name: 'start',
    about: 'run servers; a taken port is an error',
    options: {
      role: { value: 'ROLE', about: 'namesrv, broker, console or all (all)' },
      port: { value: 'N', short: 'p', about: 'port of the role; for several roles use --set broker.port=N' },
      ...CONFIG_OPTIONS,
      'ports-file': { value: 'FILE', about: 'write the addresses to this file as JSON once ready' },
    },
    examples: [
      'comet start --role namesrv',
      'comet start --role broker --name broker-b --port 10921 --namesrv 127.0.0.1:9876 --data /var/lib/comet',
      'comet start --config comet.yaml',
    ],
    untilInterrupted: true,
    run: start,
  },
];

function rolesOf({ options }: CommandContext): readonly Role[] {
  const text = options.text('role') ?? 'all';
  if (text === 'all') return ROLES;
  const names = text.split(',');
  const roles = ROLES.filter((role) => names.includes(role));
  if (roles.length === names.length) return roles;
  throw usageError(`--role "${text}" is not a role`, `use one of: ${ROLES.join(', ')}, all`);
}
