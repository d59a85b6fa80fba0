import type { Command, OptionSpec } from './command.ts';
import { FAMILIES } from './families.ts';
import { GLOBAL_OPTIONS } from './parse-options.ts';

/** Help of `comet` itself. */
export function overviewHelp(version: string): string {
  const families = Object.entries(FAMILIES).map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`);
  return [
    `comet ${version}: CometMQ's command line. It also works with Apache RocketMQ clusters.`,
    '',
    'comet <command> [arguments] [options]',
    '',
    ...families,
    '',
    'Try: comet dev · comet topic list · comet group lag GROUP · comet <command> --help',
    '',
  ].join('\n');
}

/** Help of a family: its verbs. */
export function familyHelp(family: string, commands: readonly Command[]): string {
  const usages = commands.map((command) => usageOf(command));
  const width = Math.max(...usages.map((usage) => usage.length));
  const lines = commands.map(
    ({ about }, index) => `  comet ${(usages[index] ?? '').padEnd(width)}  ${about}`,
  );
  return [FAMILIES[family]?.about ?? '', '', ...lines, ''].join('\n');
}

/** Help of one verb. */
export function commandHelp(command: Command): string {
  const args = (command.args ?? []).map(({ name, about }) => [name, about] as const);
  const own = Object.entries(command.options ?? {}).map(optionLine);
  const global = Object.entries(GLOBAL_OPTIONS).map(optionLine);
  const examples = command.examples ?? [];
  return [
    command.about,
    '',
    `comet ${usageOf(command)} [options]`,
    ...section('', args),
    ...section('options', own),
    ...section('options of every command', global),
    ...(examples.length === 0 ? [] : ['', 'examples', ...examples.map((example) => `  ${example}`)]),
    '',
  ].join('\n');
}

function usageOf({ name, args = [] }: Command): string {
  const words = args.map((arg) => {
    const word = arg.rest === true ? `${arg.name}…` : arg.name;
    return arg.optional === true ? `[${word}]` : word;
  });
  return [name, ...words].join(' ');
}

function optionLine([name, { short, value, about, multiple }]: [string, OptionSpec]): readonly [
  string,
  string,
] {
  const flag = `${short === undefined ? '    ' : `-${short}, `}--${name}`;
  return [
    value === undefined ? flag : `${flag} ${value}`,
    multiple === true ? `${about} (may be repeated)` : about,
  ];
}

function section(title: string, lines: readonly (readonly [string, string])[]): string[] {
  if (lines.length === 0) return [];
  const width = Math.max(...lines.map(([left]) => left.length));
  return [
    '',
    ...(title === '' ? [] : [title]),
    ...lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ];
}
