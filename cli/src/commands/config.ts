import type { Command, CommandContext, OptionSpec } from '../command/command.ts';
import { ExitCode } from '../command/exit-code.ts';

/** Without loading the schemas, which verbs about a cluster do not need. */
const CONFIG: Readonly<Record<string, OptionSpec>> = {
  config: { value: 'FILE', short: 'f', about: 'settings (COMET_CONFIG, then ./comet.yaml if there is one)' },
  set: { value: 'KEY=VALUE', multiple: true, about: 'a setting, as comet start would get it' },
};

async function show(context: CommandContext): Promise<ExitCode | undefined> {
  const { readConfig } = await import('../config/read-config.ts');
  const { values, issues, file } = readConfig(context);
  const withSources = context.options.flag('sources');
  await context.output.list({
    rows: values,
    columns: [
      { title: 'key', value: ({ path }) => path },
      { title: 'value', value: ({ value }) => valueText(value) },
      ...(withSources
        ? [
            {
              title: 'from',
              value: ({ source, origin }: (typeof values)[number]) => `${source} ${origin}`.trim(),
            },
          ]
        : []),
      { title: 'about', value: ({ about }) => about, wide: true },
    ],
    name: ({ path }) => path,
  });
  context.output.say(file === undefined ? 'no file is read' : `file: ${file}`);
  for (const { path, message } of issues) context.output.say(`wrong: ${path} ${message}`);
  return issues.length === 0 ? undefined : ExitCode.USAGE;
}

async function check(context: CommandContext): Promise<ExitCode | undefined> {
  const { readConfig } = await import('../config/read-config.ts');
  const { issues, file, unknownVariables } = readConfig(context);
  await context.output.list({
    rows: issues,
    columns: [
      { title: 'key', value: ({ path }) => path },
      { title: 'what is wrong', value: ({ message }) => message },
    ],
    name: ({ path }) => path,
  });
  for (const variable of unknownVariables) context.output.say(`ignored: ${variable} is no setting`);
  if (issues.length === 0) context.output.say(`${file ?? 'the settings'}: fine`);
  return issues.length === 0 ? undefined : ExitCode.USAGE;
}

export const configCommands: readonly Command[] = [
  {
    name: 'config show',
    about: 'all settings with their values',
    options: { ...CONFIG, sources: { about: 'with where each value comes from' } },
    run: show,
  },
  { name: 'config check', about: 'name everything that is wrong', options: CONFIG, run: check },
];

function valueText(value: unknown): string {
  return Array.isArray(value) ? value.join(';') : String(value);
}
