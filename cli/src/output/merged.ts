import { ExitCode } from '../command/exit-code.ts';
import type { Output } from './output.ts';

/** The part of a merged result that says what is missing. */
export interface MergedResult {
  readonly complete: boolean;
  readonly failures: readonly { readonly server: string; readonly message: string }[];
}

/** Says which servers are missing from a result, and that the command is partly done then. */
export function reportMissing(output: Output, result: MergedResult): ExitCode | undefined {
  for (const { server, message } of result.failures) output.say(`incomplete: ${server}: ${message}`);
  return result.failures.length === 0 ? undefined : ExitCode.PARTLY_DONE;
}

/** The outcome of a change that went to several servers. */
export function reportChange(
  output: Output,
  result: MergedResult & { readonly done: readonly string[] },
  what: string,
): ExitCode | undefined {
  if (result.done.length > 0) output.say(`${what} on ${result.done.join(', ')}`);
  const missing = reportMissing(output, result);
  return result.done.length === 0 && missing !== undefined ? ExitCode.FAILED : missing;
}
