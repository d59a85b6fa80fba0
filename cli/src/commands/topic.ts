import type { TopicSettings } from '@cometmq/client/admin/topic-admin';
import { SELECTION_OPTIONS, selectionOf } from '../command/broker-selection.ts';
import { conflictError, notFoundError, usageError } from '../command/cli-error.ts';
import type { Command, CommandContext, OptionSpec } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { CONFIRMATION_OPTIONS, mayProceed } from '../command/confirmation.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportChange, reportMissing } from '../output/merged.ts';
import { topicReadCommands } from './topic-read.ts';

const TOPIC = { name: 'TOPIC', about: 'name of the topic' } as const;
const SETTINGS: Readonly<Record<string, OptionSpec>> = {
  queues: { value: 'N', about: 'queues on each broker, for reading and writing' },
  'read-queues': { value: 'N', about: 'queues that consumers see' },
  'write-queues': { value: 'N', about: 'queues that producers see' },
  perm: { value: 'PERM', about: 'rw, r, w or none' },
  order: { about: 'ordered: producers keep to configured queue counts' },
  type: { value: 'TYPE', about: 'NORMAL, FIFO, DELAY or TRANSACTION' },
  attribute: { value: 'NAME=VALUE', multiple: true, about: 'another attribute; an empty value removes it' },
};
const PERMS: Readonly<Record<string, number>> = { rw: 6, r: 4, w: 2, none: 0 };
const QUEUES_MAX = 65_536;

async function list(context: CommandContext): Promise<ExitCode | undefined> {
  const admin = await context.admin();
  const cluster = context.options.text('cluster');
  const result = await admin.topics.list(cluster === undefined ? {} : { cluster });
  const kind = context.options.text('kind');
  const all = context.options.flag('all');
  const rows = result.topics.filter((entry) =>
    kind === undefined ? all || entry.kind === 'normal' : entry.kind === kind,
  );
  await context.output.list({
    rows,
    columns: [
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'kind', value: (entry) => entry.kind },
    ],
    name: ({ topic }) => topic,
    whole: { ...result, topics: rows },
    empty: 'no topics (those of the system, of retries and dead letters: --all)',
  });
  return reportMissing(context.output, result);
}

async function get(context: CommandContext): Promise<ExitCode | undefined> {
  const topic = argument(context, 0);
  const details = await (await context.admin()).topics.get(topic);
  if (details.brokers.length === 0) throw unknownTopic(topic);
  await context.output.list({
    rows: details.brokers,
    columns: [
      { title: 'broker', value: ({ broker }) => broker },
      { title: 'read', value: ({ config }) => config.readQueueNums },
      { title: 'write', value: ({ config }) => config.writeQueueNums },
      { title: 'perm', value: ({ config }) => permText(config.perm) },
      { title: 'order', value: ({ config }) => config.order },
      { title: 'attributes', value: ({ config }) => attributesText(config.attributes) },
      { title: 'address', value: ({ address }) => address, wide: true },
    ],
    name: () => topic,
    whole: details,
  });
  return reportMissing(context.output, details);
}

async function create(context: CommandContext): Promise<ExitCode | undefined> {
  const topic = argument(context, 0);
  const admin = await context.admin();
  const result = await admin.topics.create(topic, settingsOf(context), selectionOf(context.options));
  if (result.status === 'EXISTS' && !context.options.flag('if-not-exists')) {
    throw conflictError(
      `topic ${topic} exists already on ${result.done.join(', ')}`,
      `change it with: comet topic alter ${topic}; or add --if-not-exists`,
    );
  }
  if (!context.output.isText) await context.output.record([], result, topic);
  return reportChange(
    context.output,
    result,
    result.status === 'EXISTS' ? `${topic} exists` : `created ${topic}`,
  );
}

async function alter(context: CommandContext): Promise<ExitCode | undefined> {
  const topic = argument(context, 0);
  const settings = settingsOf(context);
  if (Object.keys(settings).length === 0)
    throw usageError('nothing to change', 'see: comet topic alter --help');
  if (!(await mayHideQueues(context, topic, settings.readQueueNums))) return undefined;
  const result = await (await context.admin()).topics.alter(topic, settings, selectionOf(context.options));
  return reportChange(context.output, result, `changed ${topic}`);
}

/** Messages in queues beyond the number of read queues are there but reach no consumer any more. */
async function mayHideQueues(
  context: CommandContext,
  topic: string,
  readQueueNums: number | undefined,
): Promise<boolean> {
  if (readQueueNums === undefined) return true;
  const { brokers } = await (await context.admin()).topics.get(topic);
  const hidden = brokers
    .filter(({ config }) => config.readQueueNums > readQueueNums)
    .map(({ broker, config }) => `${broker} (${config.readQueueNums} now)`);
  if (hidden.length === 0) return true;
  const plan = `hide the queues of ${topic} from number ${readQueueNums} on from consumers of ${hidden.join(', ')}`;
  return mayProceed(context, plan);
}

async function remove(context: CommandContext): Promise<ExitCode | undefined> {
  const topic = argument(context, 0);
  const admin = await context.admin();
  const { brokers } = await admin.topics.get(topic);
  if (brokers.length === 0) {
    if (context.options.flag('if-exists')) return undefined;
    throw unknownTopic(topic);
  }
  const stats = await admin.topics.stats(topic);
  const { groups } = await admin.topics.consumerGroups(topic);
  const consumers = groups.length === 0 ? 'no consumer group' : `the offsets of ${groups.join(', ')}`;
  const where = brokers.map(({ broker }) => broker).join(', ');
  const plan = `delete topic ${topic} on ${where}: ${stats.messageCount} messages, ${consumers}`;
  if (!mayProceed(context, plan)) return undefined;
  return reportChange(
    context.output,
    await admin.topics.delete(topic, selectionOf(context.options)),
    `deleted ${topic}`,
  );
}

export const topicCommands: readonly Command[] = [
  {
    name: 'topic list',
    about: 'names and kinds of topics',
    options: {
      all: { short: 'a', about: 'also topics of the system, of retries and dead letters' },
      kind: { value: 'KIND', about: 'only normal, retry, dlq or system' },
      cluster: { value: 'NAME', short: 'c', about: 'only topics of this cluster' },
    },
    examples: ['comet topic list', 'comet topic list --kind dlq -o name'],
    run: list,
  },
  { name: 'topic get', about: 'settings of a topic on each broker', args: [TOPIC], run: get },
  {
    name: 'topic create',
    about: 'make a topic',
    args: [TOPIC],
    options: { ...SETTINGS, ...SELECTION_OPTIONS, 'if-not-exists': { about: 'one that exists is fine' } },
    examples: ['comet topic create orders', 'comet topic create registrations --queues 16 --type FIFO'],
    run: create,
  },
  {
    name: 'topic alter',
    about: 'change a topic; fewer read queues need --yes',
    args: [TOPIC],
    options: { ...SETTINGS, ...SELECTION_OPTIONS, ...CONFIRMATION_OPTIONS },
    run: alter,
  },
  {
    name: 'topic delete',
    about: 'remove a topic with its messages and offsets',
    args: [TOPIC],
    options: {
      ...CONFIRMATION_OPTIONS,
      ...SELECTION_OPTIONS,
      'if-exists': { about: 'one that does not exist is fine' },
    },
    examples: ['comet topic delete orders --dry-run', 'comet topic delete orders --yes'],
    run: remove,
  },
  ...topicReadCommands,
];

function settingsOf({ options }: CommandContext): TopicSettings {
  const range = { min: 1, max: QUEUES_MAX };
  const queues = options.whole('queues', range);
  const readQueueNums = options.whole('read-queues', range) ?? queues;
  const writeQueueNums = options.whole('write-queues', range) ?? queues;
  const permName = options.text('perm');
  const perm = permName === undefined ? undefined : PERMS[permName];
  if (permName !== undefined && perm === undefined) {
    throw usageError(`--perm "${permName}" is not a permission`, 'use one of: rw, r, w, none');
  }
  const attributes = Object.fromEntries(options.list('attribute').map(attributeOf));
  const type = options.text('type');
  if (type !== undefined) attributes['message.type'] = type.toUpperCase();
  return {
    ...(readQueueNums === undefined ? {} : { readQueueNums }),
    ...(writeQueueNums === undefined ? {} : { writeQueueNums }),
    ...(perm === undefined ? {} : { perm }),
    ...(options.flag('order') ? { order: true } : {}),
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
  };
}

function attributeOf(text: string): [string, string] {
  const separator = text.indexOf('=');
  if (separator > 0) return [text.slice(0, separator), text.slice(separator + 1)];
  throw usageError(
    `--attribute "${text}" is not of the form name=value`,
    'for example: --attribute cleanup.policy=DELETE',
  );
}

function permText(perm: number): string {
  return `${(perm & 4) === 0 ? '-' : 'r'}${(perm & 2) === 0 ? '-' : 'w'}`;
}

function attributesText(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

function unknownTopic(topic: string): Error {
  return notFoundError(
    'MQ-TOPIC-404',
    `topic ${topic} does not exist`,
    `see the names with: comet topic list; make it with: comet topic create ${topic}`,
  );
}
