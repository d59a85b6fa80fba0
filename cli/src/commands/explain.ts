import { usageError } from '../command/cli-error.ts';
import type { Command, CommandContext } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { ERRORS, ExitCode } from '../command/exit-code.ts';

async function explain(context: CommandContext): Promise<undefined> {
  const code = argument(context, 0).toUpperCase();
  const found = [...Object.entries(ERRORS).map(([kind, entry]) => ({ kind, ...entry })), ...OWN].find(
    (entry) => entry.code === code,
  );
  if (found === undefined) {
    throw usageError(`there is no error code ${code}`, `there is: ${codes().join(', ')}`);
  }
  const entries: [string, unknown][] = [
    ['code', found.code],
    ['kind', found.kind],
    ['exit code', found.exitCode],
    ['what helps', found.fix],
  ];
  await context.output.record(entries, found, found.code);
  return undefined;
}

const OWN = [
  {
    kind: 'USAGE',
    code: 'MQ-USAGE',
    exitCode: ExitCode.USAGE,
    fix: 'comet COMMAND --help shows what it takes',
  },
  {
    kind: 'GUARD',
    code: 'MQ-GUARD',
    exitCode: ExitCode.REFUSED_BY_GUARD,
    fix: 'look at the plan, then add --yes',
  },
  {
    kind: 'CONFLICT',
    code: 'MQ-409',
    exitCode: ExitCode.CONFLICT,
    fix: 'change what exists, or choose another name',
  },
  {
    kind: 'CONFIG',
    code: 'MQ-CONFIG',
    exitCode: ExitCode.USAGE,
    fix: 'comet config check names every wrong key',
  },
  {
    kind: 'PORT',
    code: 'MQ-PORT',
    exitCode: ExitCode.CONFLICT,
    fix: 'stop what listens there or choose another port',
  },
  {
    kind: 'FILE',
    code: 'MQ-FILE',
    exitCode: ExitCode.FAILED,
    fix: 'check that the path exists, is writable and has space',
  },
  {
    kind: 'BUG',
    code: 'MQ-BUG',
    exitCode: ExitCode.FAILED,
    fix: 'run it with --verbose and report what it prints',
  },
];

function codes(): string[] {
  return [...Object.values(ERRORS), ...OWN].map(({ code }) => code);
}

export const explainCommands: readonly Command[] = [
  {
    name: 'explain',
    about: 'what an error code means',
    args: [{ name: 'CODE', about: 'such as MQ-NET-503' }],
    run: explain,
  },
];
