import type { Command, CommandContext } from '../command/command.ts';
import { CliError } from '../command/cli-error.ts';
import { ExitCode } from '../command/exit-code.ts';

const DATA = { data: { value: 'DIR', about: 'data folder of the broker (./.comet)' } };

/** Placeholder until the store's tools are there. */
function notYet(verb: string): (context: CommandContext) => Promise<undefined> {
  return () =>
    Promise.reject(
      new CliError(
        ExitCode.FAILED,
        'MQ-501',
        `comet store ${verb} is not in this version`,
        'use a newer version',
        'its part of the broker is missing',
      ),
    );
}

export const storeCommands: readonly Command[] = [
  {
    name: 'store verify',
    about: 'check every byte of a stopped broker',
    options: DATA,
    run: notYet('verify'),
  },
  { name: 'store dump', about: 'print the records of a stopped broker', options: DATA, run: notYet('dump') },
];
