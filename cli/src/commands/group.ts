import type { GroupSettings } from '@cometmq/client/admin/group-admin';
import { SELECTION_OPTIONS, selectionOf } from '../command/broker-selection.ts';
import { conflictError, notFoundError, usageError } from '../command/cli-error.ts';
import type { Command, CommandContext, OptionSpec } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { CONFIRMATION_OPTIONS, mayProceed } from '../command/confirmation.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportChange, reportMissing } from '../output/merged.ts';
import { groupReadCommands } from './group-read.ts';

const GROUP = { name: 'GROUP', about: 'name of the consumer group' } as const;
const SETTINGS: Readonly<Record<string, OptionSpec>> = {
  retries: { value: 'N', about: 'attempts before a message becomes a dead letter (16)' },
  'retry-queues': { value: 'N', about: 'queues of the retry topic (1)' },
  'timeout-minutes': { value: 'N', about: 'minutes until a message counts as failed (15)' },
  consume: { value: 'on|off', about: 'whether the group may consume' },
  broadcast: { value: 'on|off', about: 'whether the group may broadcast' },
  orderly: { value: 'on|off', about: 'whether the group consumes in order' },
};

async function list(context: CommandContext): Promise<ExitCode | undefined> {
  const result = await (await context.admin()).groups.list(selectionOf(context.options));
  const rows = result.groups.filter(({ kind }) => context.options.flag('all') || kind === 'normal');
  await context.output.list({
    rows,
    columns: [
      { title: 'group', value: ({ group }) => group },
      { title: 'retries', value: ({ config }) => config.retryMaxTimes },
      { title: 'consume', value: ({ config }) => onOff(config.consumeEnable) },
      { title: 'broadcast', value: ({ config }) => onOff(config.consumeBroadcastEnable), wide: true },
      { title: 'orderly', value: ({ config }) => onOff(config.consumeMessageOrderly), wide: true },
      { title: 'kind', value: ({ kind }) => kind, wide: true },
      { title: 'brokers', value: ({ brokers }) => brokers.join(' ') },
    ],
    name: ({ group }) => group,
    whole: { ...result, groups: rows },
    empty: 'no groups (those of the system: --all)',
  });
  return reportMissing(context.output, result);
}

async function get(context: CommandContext): Promise<ExitCode | undefined> {
  const group = argument(context, 0);
  const details = await (await context.admin()).groups.get(group);
  if (details.brokers.length === 0) throw unknownGroup(group);
  await context.output.list({
    rows: details.brokers,
    columns: [
      { title: 'broker', value: ({ broker }) => broker },
      { title: 'retries', value: ({ config }) => config.retryMaxTimes },
      { title: 'retry queues', value: ({ config }) => config.retryQueueNums },
      { title: 'consume', value: ({ config }) => onOff(config.consumeEnable) },
      { title: 'broadcast', value: ({ config }) => onOff(config.consumeBroadcastEnable) },
      { title: 'orderly', value: ({ config }) => onOff(config.consumeMessageOrderly) },
      { title: 'timeout minutes', value: ({ config }) => config.consumeTimeoutMinute },
      { title: 'policy', value: ({ config }) => JSON.stringify(config.groupRetryPolicy), wide: true },
    ],
    name: () => group,
    whole: details,
  });
  return reportMissing(context.output, details);
}

async function create(context: CommandContext): Promise<ExitCode | undefined> {
  const group = argument(context, 0);
  const result = await (
    await context.admin()
  ).groups.create(group, settingsOf(context), selectionOf(context.options));
  if (result.status === 'EXISTS' && !context.options.flag('if-not-exists')) {
    throw conflictError(
      `group ${group} exists already on ${result.done.join(', ')}`,
      `change it with: comet group alter ${group}; or add --if-not-exists`,
    );
  }
  if (!context.output.isText) await context.output.record([], result, group);
  return reportChange(
    context.output,
    result,
    result.status === 'EXISTS' ? `${group} exists` : `created ${group}`,
  );
}

async function alter(context: CommandContext): Promise<ExitCode | undefined> {
  const group = argument(context, 0);
  const settings = settingsOf(context);
  if (Object.keys(settings).length === 0)
    throw usageError('nothing to change', 'see: comet group alter --help');
  const result = await (await context.admin()).groups.alter(group, settings, selectionOf(context.options));
  return reportChange(context.output, result, `changed ${group}`);
}

async function remove(context: CommandContext): Promise<ExitCode | undefined> {
  const group = argument(context, 0);
  const admin = await context.admin();
  const { brokers } = await admin.groups.get(group);
  if (brokers.length === 0) {
    if (context.options.flag('if-exists')) return undefined;
    throw unknownGroup(group);
  }
  const [{ clients }, progress] = [await admin.clients.consumers(group), await admin.progress(group)];
  const plan =
    `delete group ${group} with its offsets, retry and dead-letter topics on ` +
    `${brokers.map(({ broker }) => broker).join(', ')}: ${clients.length} clients online, lag ${progress.lag}`;
  if (!mayProceed(context, plan)) return undefined;
  const keepOffsets = context.options.flag('keep-offsets');
  const keepTopics = context.options.flag('keep-topics');
  const result = await admin.groups.delete(group, {
    ...selectionOf(context.options),
    keepOffsets,
    keepTopics,
  });
  return reportChange(context.output, result, `deleted ${group}`);
}

export const groupCommands: readonly Command[] = [
  {
    name: 'group list',
    about: 'consumer groups',
    options: { all: { short: 'a', about: 'also groups of the system' }, ...SELECTION_OPTIONS },
    run: list,
  },
  { name: 'group get', about: 'settings of a group on each broker', args: [GROUP], run: get },
  {
    name: 'group create',
    about: 'make a consumer group',
    args: [GROUP],
    options: { ...SETTINGS, ...SELECTION_OPTIONS, 'if-not-exists': { about: 'one that exists is fine' } },
    run: create,
  },
  {
    name: 'group alter',
    about: 'change a group',
    args: [GROUP],
    options: { ...SETTINGS, ...SELECTION_OPTIONS },
    run: alter,
  },
  {
    name: 'group delete',
    about: 'remove a group with its offsets, retry and dead-letter topics',
    args: [GROUP],
    options: {
      ...CONFIRMATION_OPTIONS,
      ...SELECTION_OPTIONS,
      'keep-offsets': { about: 'leave its offsets' },
      'keep-topics': { about: 'leave its retry and dead-letter topics' },
      'if-exists': { about: 'one that does not exist is fine' },
    },
    run: remove,
  },
  ...groupReadCommands,
];

function settingsOf(context: CommandContext): GroupSettings {
  const { options } = context;
  const retryMaxTimes = options.whole('retries', { min: 0, max: 1000 });
  const retryQueueNums = options.whole('retry-queues', { min: 1, max: 1024 });
  const consumeTimeoutMinute = options.whole('timeout-minutes', { min: 1, max: 100_000 });
  const consumeEnable = switchOf(context, 'consume');
  const consumeBroadcastEnable = switchOf(context, 'broadcast');
  const consumeMessageOrderly = switchOf(context, 'orderly');
  return {
    ...(retryMaxTimes === undefined ? {} : { retryMaxTimes }),
    ...(retryQueueNums === undefined ? {} : { retryQueueNums }),
    ...(consumeTimeoutMinute === undefined ? {} : { consumeTimeoutMinute }),
    ...(consumeEnable === undefined ? {} : { consumeEnable }),
    ...(consumeBroadcastEnable === undefined ? {} : { consumeBroadcastEnable }),
    ...(consumeMessageOrderly === undefined ? {} : { consumeMessageOrderly }),
  };
}

function switchOf({ options }: CommandContext, name: string): boolean | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  if (text === 'on' || text === 'off') return text === 'on';
  throw usageError(`--${name} "${text}" is neither on nor off`, `use --${name} on or --${name} off`);
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}

function unknownGroup(group: string): Error {
  return notFoundError(
    'MQ-GROUP-404',
    `group ${group} does not exist`,
    `see the names with: comet group list; make it with: comet group create ${group}`,
  );
}
