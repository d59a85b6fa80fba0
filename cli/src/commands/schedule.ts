import type { ScheduleChange, ScheduleEntry } from '@cometmq/client/admin/schedule-admin';
import { usageError } from '../command/cli-error.ts';
import type { Command, CommandContext } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { CONFIRMATION_OPTIONS, mayProceed } from '../command/confirmation.ts';
import { ExitCode } from '../command/exit-code.ts';
import { parseTime } from '../command/time-argument.ts';
import { reportMissing } from '../output/merged.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LIMIT_MAX = 100_000;
const BAR_WIDTH = 50;

const TOPIC_AND_ID = [
  { name: 'TOPIC', about: 'topic that the message is for' },
  { name: 'ID', about: 'id of the message' },
];

async function list(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const schedules = (await context.admin()).schedules;
  const topic = options.text('topic');
  const key = options.text('key');
  const limit = options.whole('limit', { min: 1, max: LIMIT_MAX }) ?? 100;
  const from = options.time('from');
  const to = options.time('to');
  const filter = {
    limit: Math.min(limit, 1_000),
    ...(topic === undefined ? {} : { topic }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  let page = key === undefined ? await schedules.list(filter) : await schedules.find(key, topic);
  const rows = [...page.schedules];
  while (rows.length < limit && Object.keys(page.cursors).length > 0) {
    page = await schedules.list({ ...filter, cursors: page.cursors });
    rows.push(...page.schedules);
  }
  const isCut = rows.length > limit || Object.keys(page.cursors).length > 0;
  await show(context, rows.slice(0, limit));
  if (isCut)
    output.say(`there are more: raise --limit, or narrow --from and --to (${page.pending} wait in all)`);
  return reportMissing(output, page);
}

async function get(context: CommandContext): Promise<ExitCode | undefined> {
  const schedules = (await context.admin()).schedules;
  const found = await schedules.find(argument(context, 1), argument(context, 0));
  await show(context, found.schedules);
  return (
    reportMissing(context.output, found) ?? (found.schedules.length === 0 ? ExitCode.NOT_FOUND : undefined)
  );
}

function show(context: CommandContext, rows: readonly ScheduleEntry[]): Promise<void> {
  const { output } = context;
  return output.list({
    rows,
    columns: [
      { title: 'due', value: ({ dueAt }) => output.time(dueAt) },
      {
        title: 'in',
        value: ({ dueAt, isWaiting }) => (isWaiting ? distance(dueAt - context.now()) : 'past'),
      },
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'id', value: ({ messageId }) => messageId },
      { title: 'keys', value: ({ keys }) => keys },
      { title: 'tag', value: ({ tag }) => tag, wide: true },
      { title: 'bytes', value: ({ bodyBytes }) => bodyBytes, wide: true },
      { title: 'sent', value: ({ sentAt }) => output.time(sentAt), wide: true },
      { title: 'broker', value: ({ broker }) => broker, wide: true },
    ],
    name: ({ messageId }) => messageId,
    empty: 'no message waits for its time there',
  });
}

/** Tells what became of the message; something else than what was wanted is a conflict. */
async function report(
  context: CommandContext,
  wanted: ScheduleChange,
  result: ScheduleChange,
): Promise<ExitCode | undefined> {
  const [topic, id] = [argument(context, 0), argument(context, 1)];
  await context.output.record(
    [
      ['topic', topic],
      ['id', id],
      ['result', result],
    ],
    { topic, messageId: id, result },
    id,
  );
  if (result === 'NOT_FOUND') return ExitCode.NOT_FOUND;
  return result === wanted ? undefined : ExitCode.CONFLICT;
}

async function cancel(context: CommandContext): Promise<ExitCode | undefined> {
  const [topic, id] = [argument(context, 0), argument(context, 1)];
  if (!mayProceed(context, `cancel ${id}, a message to ${topic}`)) return undefined;
  return report(context, 'CANCELLED', await (await context.admin()).schedules.cancel(topic, id));
}

async function reschedule(context: CommandContext): Promise<ExitCode | undefined> {
  const text = argument(context, 2);
  const dueAt = parseTime(text, context.now());
  if (dueAt === undefined) {
    throw usageError(`${text} is not a time`, 'give one such as +2h or 2026-12-24T18:00');
  }
  const { schedules } = await context.admin();
  return report(context, 'MOVED', await schedules.move(argument(context, 0), argument(context, 1), dueAt));
}

async function fire(context: CommandContext): Promise<ExitCode | undefined> {
  const { schedules } = await context.admin();
  return report(context, 'FIRED', await schedules.fire(argument(context, 0), argument(context, 1)));
}

async function histogram(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const bucketMs = options.duration('bucket') ?? HOUR_MS;
  const from = Math.floor((options.time('from') ?? context.now()) / bucketMs) * bucketMs;
  const to = options.time('to') ?? from + Math.max(DAY_MS, 24 * bucketMs);
  const result = await (await context.admin()).schedules.histogram({ from, to, bucketMs });
  const most = Math.max(...result.buckets.map(({ count }) => count), 1);
  await output.list({
    rows: result.buckets,
    columns: [
      { title: 'from', value: (bucket) => output.time(bucket.from) },
      { title: 'due', value: ({ count }) => count },
      { title: '', value: ({ count }) => '█'.repeat(Math.ceil((count / most) * BAR_WIDTH)) },
    ],
    name: (bucket) => String(bucket.from),
    whole: result,
    empty: 'nothing is due in that time',
  });
  if (output.isText) output.say(`${result.pending} messages wait in all`);
  return reportMissing(output, result);
}

async function cronAdd(context: CommandContext): Promise<ExitCode | undefined> {
  const [name, topic, expression] = [0, 1, 2].map((index) => argument(context, index)) as [
    string,
    string,
    string,
  ];
  const { options, output } = context;
  const timeZone = options.text('zone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const tag = options.text('tag') ?? '';
  const keys = options.list('key').join(' ');
  const body = argument(context, 3);
  const message = { name, topic, expression, timeZone, body, tag, keys };
  const broker = await (await context.admin()).schedules.putRecurring(message, options.text('broker'));
  output.say(`${name} is sent to ${topic} by ${broker} at ${expression}, ${timeZone}`);
  return undefined;
}

async function cronList(context: CommandContext): Promise<ExitCode | undefined> {
  const { output } = context;
  const result = await (await context.admin()).schedules.recurring();
  await output.list({
    rows: result.schedules,
    columns: [
      { title: 'name', value: ({ name }) => name },
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'at', value: ({ expression }) => expression },
      { title: 'zone', value: ({ timeZone }) => timeZone },
      { title: 'last', value: ({ lastSlot }) => output.time(lastSlot) },
      { title: 'fault', value: ({ fault }) => fault },
      { title: 'body', value: ({ body }) => body, wide: true },
      { title: 'broker', value: ({ broker }) => broker, wide: true },
    ],
    name: ({ name }) => name,
    empty: 'no message is sent again and again',
  });
  return reportMissing(output, result);
}

async function cronRemove(context: CommandContext): Promise<ExitCode | undefined> {
  const name = argument(context, 0);
  if (!mayProceed(context, `end the recurring message ${name}`)) return undefined;
  const brokers = await (await context.admin()).schedules.removeRecurring(name);
  context.output.say(`${name} ended on ${brokers.join(', ')}`);
  return undefined;
}

function distance(ms: number): string {
  if (ms <= 0) return 'now';
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

const RANGE_OPTIONS = {
  from: { value: 'TIME', about: 'due at or after' },
  to: { value: 'TIME', about: 'due before' },
};

export const scheduleCommands: readonly Command[] = [
  {
    name: 'schedule list',
    about: 'messages that wait for their time',
    options: {
      topic: { value: 'NAME', short: 't', about: 'only messages to this topic' },
      key: {
        value: 'KEY',
        short: 'k',
        about: 'messages with this key or id, also those that were delivered',
      },
      ...RANGE_OPTIONS,
      limit: { value: 'N', about: 'rows at most (100)' },
    },
    examples: ['comet schedule list --topic orders --to +1h', 'comet schedule list --key order-1001'],
    run: list,
  },
  { name: 'schedule get', about: 'one message', args: TOPIC_AND_ID, run: get },
  {
    name: 'schedule cancel',
    about: 'take a message back; says CANCELLED, ALREADY_DELIVERED or NOT_FOUND',
    args: TOPIC_AND_ID,
    options: CONFIRMATION_OPTIONS,
    run: cancel,
  },
  {
    name: 'schedule reschedule',
    about: 'give a message another time',
    args: [...TOPIC_AND_ID, { name: 'TIME', about: 'when, such as +2h or 2026-12-24T18:00' }],
    examples: ['comet schedule reschedule orders 7F000001… +2h'],
    run: reschedule,
  },
  { name: 'schedule fire', about: 'deliver a message now', args: TOPIC_AND_ID, run: fire },
  {
    name: 'schedule histogram',
    about: 'how many messages are due when',
    options: {
      ...RANGE_OPTIONS,
      bucket: { value: 'DURATION', about: 'length of one row (1h); whole hours are counted at no cost' },
    },
    examples: ['comet schedule histogram --to +7d --bucket 6h'],
    run: histogram,
  },
  {
    name: 'schedule cron add',
    about: 'send a message at each time of a cron expression',
    args: [
      { name: 'NAME', about: 'of the recurring message; one of that name is replaced' },
      { name: 'TOPIC', about: 'where it goes' },
      {
        name: 'EXPRESSION',
        about: 'minute, hour, day, month, day of week; a sixth field in front is the second',
      },
      { name: 'BODY', about: 'text of the message' },
    ],
    options: {
      zone: { value: 'ZONE', about: 'time zone such as Europe/Berlin (that of this machine)' },
      tag: { value: 'TAG', about: 'tag of the messages' },
      key: { value: 'KEY', multiple: true, about: 'key of the messages' },
      broker: { value: 'NAME', about: 'broker that sends it (the first of the topic)' },
    },
    examples: ["comet schedule cron add report reports '30 9 * * 1-5' '{}' --zone Europe/Berlin"],
    run: cronAdd,
  },
  { name: 'schedule cron list', about: 'messages that are sent again and again', run: cronList },
  {
    name: 'schedule cron remove',
    about: 'end one of them',
    args: [{ name: 'NAME', about: 'of the recurring message' }],
    options: CONFIRMATION_OPTIONS,
    run: cronRemove,
  },
];
