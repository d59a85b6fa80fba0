import { editDistance } from '@cometmq/common/text/edit-distance';
import { usageError } from './cli-error.ts';
import type { Command } from './command.ts';
import { FAMILIES } from './families.ts';

export type Found =
  | { readonly kind: 'command'; readonly command: Command; readonly rest: readonly string[] }
  /** Help for a family, or for `comet` itself when it has no name. */
  | { readonly kind: 'help'; readonly family: string | undefined; readonly commands: readonly Command[] };

/** The verb that the words name. @throws CliError when there is none. */
export async function findCommand(argv: readonly string[]): Promise<Found> {
  const [noun] = argv;
  if (noun === undefined || noun.startsWith('-') || noun === 'help')
    return { kind: 'help', family: undefined, commands: [] };
  const family = Object.hasOwn(FAMILIES, noun) ? FAMILIES[noun] : undefined;
  if (family === undefined)
    throw usageError(`there is no command "${noun}"`, suggestion(noun, Object.keys(FAMILIES)));
  const commands = (await family.load()).filter(({ name }) => name === noun || name.startsWith(`${noun} `));
  // The longest name wins: `broker config get` over `broker config`.
  const matching = commands
    .filter(({ name }) => name.split(' ').every((word, index) => argv[index] === word))
    .sort((a, b) => b.name.length - a.name.length);
  const [command] = matching;
  if (command !== undefined)
    return { kind: 'command', command, rest: argv.slice(command.name.split(' ').length) };
  const verb = argv[1];
  if (verb === undefined || verb.startsWith('-') || verb === 'help')
    return { kind: 'help', family: noun, commands };
  throw usageError(
    `comet ${noun} has no "${verb}"`,
    suggestion(
      verb,
      commands.map(({ name }) => name.slice(noun.length + 1)),
    ),
  );
}

function suggestion(word: string, known: readonly string[]): string {
  const near = known.filter((candidate) => editDistance(word, candidate) <= 2);
  return near.length > 0 ? `did you mean: ${near.join(', ')}?` : `there is: ${known.join(', ')}`;
}
