import type { MqAdmin } from '@cometmq/client/admin/admin-client';
import type { Format, Streams } from '../output/output.ts';
import { FORMATS, Output } from '../output/output.ts';
import { CliError, describeError, usageError } from './cli-error.ts';
import type { Command, CommandContext, OptionValues } from './command.ts';
import { ExitCode } from './exit-code.ts';
import { findCommand } from './find-command.ts';
import { commandHelp, familyHelp, overviewHelp } from './help-text.ts';
import { parseCommand } from './parse-options.ts';
import type { TimeStyle } from './time-argument.ts';

/** What a run of the CLI needs of its surroundings. */
export interface Surroundings {
  readonly streams: Streams;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** From now on the first interrupt aborts `signal` instead of ending the process. */
  awaitInterrupt(): void;
  readonly version: string;
  now(): number;
  readInput(): Promise<Buffer>;
  /** Connects to name servers. */
  connect(options: { readonly nameServers: string; readonly timeoutMs: number }): Promise<MqAdmin>;
}

const TIME_STYLES: readonly TimeStyle[] = ['local', 'utc', 'epoch', 'rel'];
const NAMESRV_DEFAULT = '127.0.0.1:9876';
const TIMEOUT_MS = 5000;

/** Runs one command line and returns the exit code; nothing is thrown. */
export async function runCommand(argv: readonly string[], around: Surroundings): Promise<ExitCode> {
  const verbose = argv.includes('--verbose');
  try {
    if (argv[0] === '--version' || argv[0] === 'version') {
      around.streams.out.write(`comet ${around.version}\n`);
      return ExitCode.OK;
    }
    const found = await findCommand(argv);
    if (found.kind === 'help') {
      const { family, commands } = found;
      around.streams.out.write(
        family === undefined ? overviewHelp(around.version) : familyHelp(family, commands),
      );
      return argv.length === 0 ? ExitCode.USAGE : ExitCode.OK;
    }
    return await runFound(found.command, found.rest, around);
  } catch (error) {
    return reportError(error, around.streams, verbose);
  }
}

async function runFound(command: Command, rest: readonly string[], around: Surroundings): Promise<ExitCode> {
  const { args, options } = parseCommand(command, rest, around.now());
  if (options.flag('help')) {
    around.streams.out.write(commandHelp(command));
    return ExitCode.OK;
  }
  const output = new Output(around.streams, {
    format: formatOf(options),
    time: timeStyleOf(options),
    quiet: options.flag('quiet'),
    now: () => around.now(),
  });
  if (command.untilInterrupted === true) around.awaitInterrupt();
  const session = new AdminHolder(around, options);
  const context: CommandContext = {
    args,
    options,
    output,
    env: around.env,
    signal: around.signal,
    admin: () => session.get(),
    now: () => around.now(),
    readInput: () => around.readInput(),
  };
  try {
    return (await command.run(context)) ?? ExitCode.OK;
  } finally {
    await session.close();
  }
}

class AdminHolder {
  readonly #around: Surroundings;
  readonly #options: OptionValues;
  #admin: Promise<MqAdmin> | undefined;

  constructor(around: Surroundings, options: OptionValues) {
    this.#around = around;
    this.#options = options;
  }

  get(): Promise<MqAdmin> {
    const { env } = this.#around;
    this.#admin ??= this.#around.connect({
      nameServers:
        this.#options.text('namesrv') ?? env['COMET_NAMESRV'] ?? env['NAMESRV_ADDR'] ?? NAMESRV_DEFAULT,
      timeoutMs: this.#options.duration('timeout') ?? TIMEOUT_MS,
    });
    return this.#admin;
  }

  async close(): Promise<void> {
    await (await this.#admin?.catch(() => undefined))?.close();
  }
}

function formatOf(options: OptionValues): Format {
  const text = options.text('output') ?? 'table';
  const format = FORMATS.find((candidate) => candidate === text);
  if (format !== undefined) return format;
  throw usageError(`--output "${text}" is not a format`, `use one of: ${FORMATS.join(', ')}`);
}

function timeStyleOf(options: OptionValues): TimeStyle {
  const text = options.text('time') ?? 'local';
  const style = TIME_STYLES.find((candidate) => candidate === text);
  if (style !== undefined) return style;
  throw usageError(`--time "${text}" is not a style`, `use one of: ${TIME_STYLES.join(', ')}`);
}

/** Three lines: what, why, how to fix. */
function reportError(error: unknown, streams: Streams, verbose: boolean): ExitCode {
  const { code, exitCode, what, why, fix } = describeError(error);
  streams.err.write(`error ${code}: ${what}\n`);
  streams.err.write(`  why: ${why}\n`);
  streams.err.write(`  fix: ${fix}\n`);
  if ((verbose || code === 'MQ-BUG') && error instanceof Error && !(error instanceof CliError)) {
    streams.err.write(`${error.stack ?? ''}\n`);
  }
  return exitCode;
}
