import { parseArgs } from 'node:util';
import { parseDuration } from '@cometmq/common/config/units';
import { usageError } from './cli-error.ts';
import type { Command, OptionSpec, OptionValues } from './command.ts';
import { parseTime } from './time-argument.ts';

/** Options that every verb takes. */
export const GLOBAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  namesrv: { value: 'HOST:PORT;…', short: 'n', about: 'name servers (NAMESRV_ADDR, then 127.0.0.1:9876)' },
  output: { value: 'FORMAT', short: 'o', about: 'table, wide, json, ndjson, yaml, csv or name' },
  time: { value: 'STYLE', about: 'how times are shown: local, utc, epoch or rel' },
  timeout: { value: 'DURATION', about: 'how long one request may take (5s)' },
  quiet: { short: 'q', about: 'no talk on standard error' },
  verbose: { about: 'show where an error comes from' },
  'no-color': { about: 'plain text (NO_COLOR)' },
  help: { short: 'h', about: 'explain this command' },
};

export interface ParsedCommand {
  readonly args: readonly string[];
  readonly options: OptionValues;
}

/** Reads what follows the verb. @throws CliError for what the verb does not take. */
export function parseCommand(command: Command, argv: readonly string[], nowMs: number): ParsedCommand {
  const specs = { ...GLOBAL_OPTIONS, ...command.options };
  const { values, positionals } = parse(command, specs, argv);
  const options = new Options(command, values, nowMs);
  if (!options.flag('help')) checkArguments(command, positionals);
  return { args: positionals, options };
}

type RawValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

function parse(
  command: Command,
  specs: Readonly<Record<string, OptionSpec>>,
  argv: readonly string[],
): { values: RawValues; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value, short, multiple }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        multiple: multiple ?? false,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  try {
    return parseArgs({ args: joinSignedValues(argv, specs), options, allowPositionals: true, strict: true });
  } catch (error) {
    const text = error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error);
    throw usageError(text, `see: comet ${command.name} --help`);
  }
}

/** `--to -2h` means a value, though it starts with a dash. */
function joinSignedValues(argv: readonly string[], specs: Readonly<Record<string, OptionSpec>>): string[] {
  const joined: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    const next = argv[index + 1];
    const takesValue = word.startsWith('--') && specs[word.slice(2)]?.value !== undefined;
    if (takesValue && next !== undefined && /^-\d/.test(next)) {
      joined.push(`${word}=${next}`);
      index++;
    } else {
      joined.push(word);
    }
  }
  return joined;
}

function checkArguments(command: Command, positionals: readonly string[]): void {
  const specs = command.args ?? [];
  const missing = specs.find((spec, index) => spec.optional !== true && positionals[index] === undefined);
  if (missing !== undefined) {
    throw usageError(`${missing.name} is missing: ${missing.about}`, `see: comet ${command.name} --help`);
  }
  const extra = positionals[specs.length];
  if (extra !== undefined && specs.at(-1)?.rest !== true) {
    throw usageError(`"${extra}" is one argument too many`, `see: comet ${command.name} --help`);
  }
}

class Options implements OptionValues {
  readonly #command: Command;
  readonly #values: RawValues;
  readonly #nowMs: number;

  constructor(command: Command, values: RawValues, nowMs: number) {
    this.#command = command;
    this.#values = values;
    this.#nowMs = nowMs;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : [];
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  whole(name: string, range: { readonly min?: number; readonly max?: number } = {}): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
    const value = Number(text);
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
    const limits = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw this.#wrong(name, text, `a whole number ${limits}`);
  }

  time(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ms = parseTime(text, this.#nowMs);
    if (ms !== undefined) return ms;
    throw this.#wrong(name, text, 'a time such as now, -2h, 2026-09-25T10:00 or epoch milliseconds');
  }

  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms !== undefined) return ms;
    throw this.#wrong(name, text, 'a duration such as 500ms, 30s or 5m');
  }

  #wrong(name: string, text: string, wanted: string): Error {
    return usageError(`--${name} "${text}" is not ${wanted}`, `see: comet ${this.#command.name} --help`);
  }
}
