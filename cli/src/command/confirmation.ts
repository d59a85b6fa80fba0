import { CliError } from './cli-error.ts';
import type { CommandContext, OptionSpec } from './command.ts';
import { ExitCode } from './exit-code.ts';

/** Options of verbs that destroy something. */
export const CONFIRMATION_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  yes: { short: 'y', about: 'do it without asking' },
  'dry-run': { about: 'show what would be done and do nothing' },
};

/**
 * True when the plan may be carried out, false for a dry run.
 * @throws CliError `REFUSED_BY_GUARD` when it was not confirmed.
 */
export function mayProceed(context: CommandContext, plan: string): boolean {
  if (context.options.flag('dry-run')) {
    context.output.say(`would ${plan} (dry run: nothing was changed)`);
    return false;
  }
  if (context.options.flag('yes')) return true;
  throw new CliError(
    ExitCode.REFUSED_BY_GUARD,
    'MQ-GUARD',
    `this would ${plan}`,
    'add --yes to do it, or --dry-run to see the plan only',
    'it removes or moves what others may rely on',
  );
}
