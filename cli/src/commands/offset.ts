import type { ResetPlan, ResetResult, ResetTarget } from '@cometmq/client/admin/offset-reset';
import { conflictError, notFoundError, usageError } from '../command/cli-error.ts';
import type { Command, CommandContext, OptionSpec } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { CONFIRMATION_OPTIONS, mayProceed } from '../command/confirmation.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { parseTime } from '../command/time-argument.ts';
import { reportMissing } from '../output/merged.ts';
import type { Output } from '../output/output.ts';

const GROUP = { name: 'GROUP', about: 'name of the consumer group' } as const;
const TOPIC: Readonly<Record<string, OptionSpec>> = {
  topic: { value: 'NAME', short: 't', about: 'the topic' },
};

async function get(context: CommandContext): Promise<ExitCode | undefined> {
  const result = await (await context.admin()).offsets.committed(argument(context, 0), topicOf(context));
  await context.output.list({
    rows: result.queues,
    columns: [
      { title: 'queue', value: ({ brokerName, queueId }) => `${brokerName}/${queueId}` },
      { title: 'committed', value: ({ committed }) => committed },
      { title: 'min', value: ({ minOffset }) => minOffset },
      { title: 'max', value: ({ maxOffset }) => maxOffset },
      {
        title: 'lag',
        value: ({ committed, maxOffset }) => (committed === undefined ? undefined : maxOffset - committed),
      },
    ],
    name: ({ brokerName, queueId }) => `${brokerName}/${queueId}`,
    whole: result,
  });
  return reportMissing(context.output, result);
}

async function reset(context: CommandContext): Promise<ExitCode | undefined> {
  const admin = await context.admin();
  return applyPlan(
    context,
    await admin.reset.plan(argument(context, 0), topicOf(context), targetOf(context)),
  );
}

async function skip(context: CommandContext): Promise<ExitCode | undefined> {
  const admin = await context.admin();
  return applyPlan(context, await admin.reset.plan(argument(context, 0), topicOf(context), { to: 'latest' }));
}

async function applyPlan(context: CommandContext, plan: ResetPlan): Promise<ExitCode | undefined> {
  const { output } = context;
  const dryRun = context.options.flag('dry-run');
  await requireGroup(context, plan);
  if (output.isText || dryRun) await showPlan(output, plan);
  const summary = `move group ${plan.group} in topic ${plan.topic}: ${plan.replay} messages again, ${plan.skip} skipped`;
  if (!mayProceed(context, summary)) return reportMissing(output, plan);
  const result = await (await context.admin()).reset.apply(plan);
  await showResult(output, result);
  return reportMissing(output, { ...result, failures: [...plan.failures, ...result.failures] });
}

/** A name that nothing was heard of is a typing error, not a group that starts anew. */
async function requireGroup(
  context: CommandContext,
  { group, queues, clientsOnline }: ResetPlan,
): Promise<void> {
  if (clientsOnline > 0 || queues.some(({ committed }) => committed !== undefined)) return;
  const { brokers } = await (await context.admin()).groups.get(group);
  if (brokers.length > 0) return;
  const fix = `see the names with: comet group list; make it with: comet group create ${group}`;
  throw notFoundError('MQ-GROUP-404', `group ${group} does not exist`, fix);
}

async function showPlan(output: Output, plan: ResetPlan): Promise<void> {
  await output.list({
    rows: plan.queues,
    columns: [
      { title: 'queue', value: ({ brokerName, queueId }) => `${brokerName}/${queueId}` },
      { title: 'committed', value: ({ committed }) => committed },
      { title: 'target', value: ({ target }) => target },
      { title: 'replay', value: ({ replay }) => replay },
      { title: 'skip', value: (queue) => queue.skip },
      { title: 'min', value: ({ minOffset }) => minOffset, wide: true },
      { title: 'max', value: ({ maxOffset }) => maxOffset, wide: true },
    ],
    name: ({ brokerName, queueId }) => `${brokerName}/${queueId}`,
    whole: plan,
  });
  output.say(`replay ${plan.replay}, skip ${plan.skip} messages; ${plan.clientsOnline} clients online`);
}

async function showResult(output: Output, result: ResetResult): Promise<void> {
  if (output.isText) {
    const moved = result.queues.filter(({ before, after }) => before !== after);
    output.say(`moved ${moved.length} of ${result.queues.length} queues`);
    return;
  }
  await output.list({
    rows: result.queues,
    columns: [
      { title: 'queue', value: ({ broker, queueId }) => `${broker}/${queueId}` },
      { title: 'before', value: ({ before }) => before },
      { title: 'after', value: ({ after }) => after },
    ],
    name: ({ broker, queueId }) => `${broker}/${queueId}`,
    whole: result,
  });
}

async function clone(context: CommandContext): Promise<ExitCode | undefined> {
  const { output } = context;
  const [from, to] = [argument(context, 0), argument(context, 1)];
  const admin = await context.admin();
  const plan = await admin.clone.plan(from, to, topicOf(context));
  const columns = [
    { title: 'queue', value: ({ broker, queueId }: (typeof plan.queues)[number]) => `${broker}/${queueId}` },
    { title: 'before', value: ({ before }: (typeof plan.queues)[number]) => before },
    { title: 'after', value: ({ after }: (typeof plan.queues)[number]) => after },
  ];
  const rows = plan.queues;
  const name = ({ broker, queueId }: (typeof plan.queues)[number]): string => `${broker}/${queueId}`;
  await output.list({ rows, columns, name, empty: `group ${from} has committed nothing in this topic` });
  if (!mayProceed(context, `copy ${rows.length} offsets of group ${from} to group ${to}`)) return undefined;
  if (plan.clientsOnline > 0) {
    throw conflictError(
      `group ${to} is online`,
      `stop its consumers first: comet group clients ${to}`,
      'its consumers would overwrite the offsets with their own',
    );
  }
  const result = await admin.clone.apply(plan);
  output.say(`copied ${result.queues.length} offsets`);
  return reportMissing(output, result);
}

export const offsetCommands: readonly Command[] = [
  {
    name: 'offset get',
    about: 'committed offsets of a group in a topic',
    args: [GROUP],
    options: TOPIC,
    run: get,
  },
  {
    name: 'offset reset',
    about: 'move a group in time, or to an offset',
    args: [GROUP],
    options: {
      ...TOPIC,
      to: { value: 'TARGET', about: 'a time, or earliest, or latest; an offset together with --queue' },
      queue: { value: 'BROKER/N', about: 'only this queue, to an offset' },
      ...CONFIRMATION_OPTIONS,
    },
    examples: [
      'comet offset reset billing --topic orders --to -2h --dry-run',
      'comet offset reset billing --topic orders --to 2026-09-25T10:00+08:00 --yes',
      'comet offset reset billing --topic orders --queue broker-a/0 --to 1042 --yes',
    ],
    run: reset,
  },
  {
    name: 'offset skip',
    about: 'jump over everything that is stored now',
    args: [GROUP],
    options: { ...TOPIC, ...CONFIRMATION_OPTIONS },
    run: skip,
  },
  {
    name: 'offset clone',
    about: "copy a group's offsets to another group that is offline",
    args: [GROUP, { name: 'TARGET', about: 'the group that gets them' }],
    options: { ...TOPIC, ...CONFIRMATION_OPTIONS },
    run: clone,
  },
];

function topicOf({ options }: CommandContext): string {
  const topic = options.text('topic');
  if (topic !== undefined) return topic;
  throw usageError('--topic is missing', 'name the topic: --topic orders');
}

function targetOf(context: CommandContext): ResetTarget {
  const { options } = context;
  const to = options.text('to');
  if (to === undefined)
    throw usageError('--to is missing', 'give a time such as -2h, or earliest, or latest');
  const queue = options.text('queue');
  if (queue !== undefined) return queueTarget(queue, to);
  if (to === 'earliest' || to === 'latest') return { to };
  const timestamp = parseTime(to, context.now());
  if (timestamp !== undefined) return { to: 'time', timestamp };
  throw usageError(
    `--to "${to}" is no time`,
    'give -2h, 2026-09-25T10:00, epoch milliseconds, earliest or latest',
  );
}

function queueTarget(queue: string, to: string): ResetTarget {
  const match = /^(.+)\/(\d+)$/.exec(queue);
  if (match === null)
    throw usageError(`--queue "${queue}" is no queue`, 'write it as broker/queue: broker-a/0');
  if (!/^\d+$/.test(to)) throw usageError(`--to "${to}" is no offset`, 'with --queue give a whole number');
  return { to: 'offset', offset: Number(to), broker: match[1] ?? '', queueId: Number(match[2]) };
}
