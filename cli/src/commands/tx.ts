import type { TransactionOrder, TransactionStateFilter } from '@cometmq/client/admin/transaction-admin';
import type { TransactionInfo } from '@cometmq/client/admin/transaction-view';
import { SELECTION_OPTIONS, selectionOf } from '../command/broker-selection.ts';
import { usageError } from '../command/cli-error.ts';
import type { Command, CommandContext, OptionSpec } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { CONFIRMATION_OPTIONS, mayProceed } from '../command/confirmation.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportMissing } from '../output/merged.ts';
import { STATE_NAMES, drawTimeline } from '../output/transaction-timeline.ts';

const ID = { name: 'ID', about: 'message id, offset id of the half message, or half-topic offset' } as const;
const REASON: Readonly<Record<string, OptionSpec>> = {
  reason: { value: 'TEXT', about: 'why; kept in the timeline' },
};
const STATES: Readonly<Record<string, TransactionStateFilter>> = {
  ...{ open: 'open', prepared: 'prepared', checking: 'checking', expired: 'expired' },
  ...{ decided: 'decided', committed: 'committed', 'rolled-back': 'rolledBack' },
};
const LIMIT_MAX = 100_000;

async function list(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const [group, topic] = [options.text('group'), options.text('topic')];
  const olderThanMs = options.duration('older-than');
  const result = await (
    await context.admin()
  ).transactions.list({
    ...selectionOf(options),
    state: stateOf(context),
    limit: options.whole('limit', { min: 1, max: LIMIT_MAX }) ?? 100,
    ...(group === undefined ? {} : { group }),
    ...(topic === undefined ? {} : { topic }),
    ...(olderThanMs === undefined ? {} : { olderThanMs }),
  });
  await output.list({
    rows: result.transactions,
    columns: [
      { title: 'id', value: ({ id }) => id },
      { title: 'state', value: ({ state }) => STATE_NAMES[state] },
      { title: 'group', value: (row) => row.group },
      { title: 'topic', value: (row) => row.topic },
      { title: 'stored', value: ({ storedAt }) => output.time(storedAt) },
      { title: 'checks', value: checksText },
      { title: 'next check', value: ({ nextCheckAt }) => timeText(context, nextCheckAt), wide: true },
      { title: 'decided', value: ({ decision }) => timeText(context, decision?.at) },
      { title: 'by', value: ({ decision }) => decision?.by ?? '', wide: true },
      { title: 'half offset', value: ({ halfOffset }) => halfOffset, wide: true },
      { title: 'bytes', value: ({ sizeBytes }) => sizeBytes ?? '', wide: true },
      { title: 'broker', value: ({ broker }) => broker, wide: true },
    ],
    name: ({ id }) => id,
    whole: result,
    empty: 'no such transactions',
  });
  if (!result.complete && result.failures.length === 0)
    output.say('there are more: raise --limit, or narrow it');
  return reportMissing(output, result);
}

async function get(context: CommandContext): Promise<undefined> {
  const { output, options } = context;
  const timeline = await (await context.admin()).transactions.get(argument(context, 0), selectionOf(options));
  if (output.isText) output.data(drawTimeline(timeline, (ms) => output.time(ms)));
  else await output.record(Object.entries(timeline), timeline, timeline.id);
  return undefined;
}

async function check(context: CommandContext): Promise<undefined> {
  const transactions = (await context.admin()).transactions;
  const asked = await transactions.check(argument(context, 0), selectionOf(context.options));
  return told(context, asked, `a producer of group ${asked.group} is asked (check ${asked.checks ?? ''})`);
}

async function resume(context: CommandContext): Promise<undefined> {
  const transactions = (await context.admin()).transactions;
  const order = orderOf(context);
  const resumed = await transactions.resume(argument(context, 0), order, selectionOf(context.options));
  return told(context, resumed, `${resumed.id} is checked again from the first check on`);
}

async function decide(context: CommandContext, outcome: 'commit' | 'rollback'): Promise<undefined> {
  const order = orderOf(context);
  const id = argument(context, 0);
  const selection = selectionOf(context.options);
  const { transactions } = await context.admin();
  const { state, group, topic } = await transactions.get(id, selection);
  const verb = outcome === 'commit' ? 'deliver' : 'drop for ever';
  const plan = `${verb} the message of transaction ${id} (${STATE_NAMES[state]}) of group ${group} for topic ${topic}`;
  if (!mayProceed(context, plan)) return undefined;
  const decided = await transactions[outcome](id, order, selection);
  return told(context, decided, `${decided.id} is ${STATE_NAMES[decided.state]}`);
}

export const txCommands: readonly Command[] = [
  {
    name: 'tx list',
    about: 'transactions that wait for a decision, or that were decided',
    options: {
      state: { value: 'STATE', about: `${Object.keys(STATES).join(', ')}; open when not given` },
      group: { value: 'NAME', about: 'only of this producer group' },
      topic: { value: 'NAME', about: 'only for this topic' },
      'older-than': { value: 'TIME', about: 'stored at least this long ago, such as 10m' },
      limit: { value: 'N', about: 'at most this many (100)' },
      ...SELECTION_OPTIONS,
    },
    examples: ['comet tx list --state expired', 'comet tx list --group order-tx --older-than 10m -o wide'],
    run: list,
  },
  {
    name: 'tx get',
    about: 'the timeline of one: stored, checks, answers, decision',
    args: [ID],
    options: SELECTION_OPTIONS,
    run: get,
  },
  {
    name: 'tx check',
    about: 'have its producer group asked now',
    args: [ID],
    options: SELECTION_OPTIONS,
    run: check,
  },
  {
    name: 'tx resume',
    about: 'have one that is out of checks checked again',
    args: [ID],
    options: { ...REASON, ...SELECTION_OPTIONS },
    run: resume,
  },
  {
    name: 'tx commit',
    about: 'deliver its message',
    args: [ID],
    options: { ...REASON, ...CONFIRMATION_OPTIONS, ...SELECTION_OPTIONS },
    examples: ['comet tx commit 7F0000015C8B2A139A5522C6CF8D0000 --reason "paid, see INC-41" --yes'],
    run: (context) => decide(context, 'commit'),
  },
  {
    name: 'tx rollback',
    about: 'drop its message',
    args: [ID],
    options: { ...REASON, ...CONFIRMATION_OPTIONS, ...SELECTION_OPTIONS },
    run: (context) => decide(context, 'rollback'),
  },
];

function stateOf({ options }: CommandContext): TransactionStateFilter {
  const text = options.text('state') ?? 'open';
  const state = STATES[text];
  if (state !== undefined) return state;
  throw usageError(`"${text}" is no state of transactions`, `one of: ${Object.keys(STATES).join(', ')}`);
}

function orderOf({ options, env }: CommandContext): TransactionOrder {
  const reason = options.text('reason') ?? '';
  if (reason.trim() === '') {
    throw usageError(
      '--reason is missing',
      'say why, for example --reason "paid, see INC-41": it stays in the timeline',
    );
  }
  const operator = env['USER'] ?? env['USERNAME'];
  return operator === undefined ? { reason } : { reason, operator };
}

async function told(
  { output }: CommandContext,
  transaction: TransactionInfo,
  text: string,
): Promise<undefined> {
  if (output.isText) output.say(text);
  else await output.record([], transaction, transaction.id);
  return undefined;
}

function checksText({ checks, checkMax }: TransactionInfo): string {
  return checks === undefined ? '' : `${checks}/${checkMax ?? '?'}`;
}

function timeText({ output }: CommandContext, ms: number | undefined): string {
  return ms === undefined ? '' : output.time(ms);
}
