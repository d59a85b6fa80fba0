import type { MqAdmin } from '@cometmq/client/admin/admin-client';
import type { Output } from '../output/output.ts';
import type { ExitCode } from './exit-code.ts';

export interface OptionSpec {
  /** Without a value when absent. */
  readonly value?: string;
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly about: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly about: string;
  readonly optional?: boolean;
  /** Takes all that follow. */
  readonly rest?: boolean;
}

/** One verb: what it takes and what it does. */
export interface Command {
  /** Words after `comet`, such as `topic list`. */
  readonly name: string;
  readonly about: string;
  readonly args?: readonly ArgumentSpec[];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly examples?: readonly string[];
  /** Runs until it is interrupted and then ends in order; others are cut off at once. */
  readonly untilInterrupted?: boolean;
  /** Returns an exit code when it is not 0. */
  run(context: CommandContext): Promise<ExitCode | undefined>;
}

/** Verbs that belong together, loaded when one of them is used. */
export interface CommandFamily {
  readonly about: string;
  load(): Promise<readonly Command[]>;
}

/** Parsed options by name. */
export interface OptionValues {
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  flag(name: string): boolean;
  /** @throws CliError when it is no whole number in the range. */
  whole(name: string, range?: { readonly min?: number; readonly max?: number }): number | undefined;
  /** A point in time as ms. @throws CliError for text that is none. */
  time(name: string): number | undefined;
  /** A duration as ms. @throws CliError for text that is none. */
  duration(name: string): number | undefined;
}

export interface CommandContext {
  readonly args: readonly string[];
  readonly options: OptionValues;
  readonly output: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first interrupt, when the command runs until then. */
  readonly signal: AbortSignal;
  /** The admin client of the name servers that were named; connected on first use, closed at the end. */
  admin(): Promise<MqAdmin>;
  /** Wall clock, ms. */
  now(): number;
  /** Everything on standard input. */
  readInput(): Promise<Buffer>;
}

/** The argument at a position that the command declares as required. */
export function argument(context: CommandContext, index: number): string {
  return context.args[index] ?? '';
}
