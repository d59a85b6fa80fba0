import type { GroupProgress } from '@cometmq/client/admin/group-progress';
import type { GroupConflict } from '@cometmq/client/admin/client-admin';
import { notFoundError } from '../command/cli-error.ts';
import type { Command, CommandContext } from '../command/command.ts';
import { argument } from '../command/command.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportMissing } from '../output/merged.ts';
import { showClientInfo } from './client-info.ts';

const GROUP = { name: 'GROUP', about: 'name of the consumer group' } as const;

async function lag(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const group = argument(context, 0);
  const topic = options.text('topic');
  const admin = await context.admin();
  const progress = await admin.progress(group, {
    withClients: options.flag('clients') || output.format === 'wide',
    ...(topic === undefined ? {} : { topic }),
  });
  // Java brokers answer for unknown groups with an empty table.
  if (progress.queues.length === 0 && (await admin.groups.get(group)).brokers.length === 0) {
    throw notFoundError(
      'MQ-GROUP-404',
      `group ${group} does not exist`,
      'see the names with: comet group list',
    );
  }
  if (options.flag('queues') || options.flag('clients') || output.format === 'wide')
    await showQueues(context, progress);
  else await showTopics(context, progress);
  if (output.isText)
    output.say(
      `total lag ${progress.lag}, in flight ${progress.inflight}, ${progress.consumeTps.toFixed(1)}/s`,
    );
  if (progress.silentClients.length > 0) {
    output.say(`did not say which queues they read: ${progress.silentClients.join(', ')}`);
  }
  return reportMissing(output, progress);
}

async function showTopics({ output }: CommandContext, progress: GroupProgress): Promise<void> {
  await output.list({
    rows: progress.topics,
    columns: [
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'queues', value: ({ queueCount }) => queueCount },
      { title: 'lag', value: (row) => row.lag },
      { title: 'in flight', value: ({ inflight }) => inflight },
      { title: 'last consumed', value: ({ lastTimestamp }) => output.time(lastTimestamp) },
    ],
    name: ({ topic }) => topic,
    whole: progress,
    empty: 'the group has committed no offsets yet',
  });
}

async function showQueues({ output }: CommandContext, progress: GroupProgress): Promise<void> {
  await output.list({
    rows: progress.queues,
    columns: [
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'queue', value: ({ brokerName, queueId }) => `${brokerName}/${queueId}` },
      { title: 'committed', value: ({ consumerOffset }) => consumerOffset },
      { title: 'end', value: ({ brokerOffset }) => brokerOffset },
      { title: 'lag', value: (row) => row.lag },
      { title: 'in flight', value: ({ inflight }) => inflight },
      { title: 'last consumed', value: ({ lastTimestamp }) => output.time(lastTimestamp) },
      { title: 'client', value: ({ clientId }) => clientId },
    ],
    name: ({ topic, brokerName, queueId }) => `${topic}@${brokerName}/${queueId}`,
    whole: progress,
    empty: 'the group has committed no offsets yet',
  });
}

async function clients(context: CommandContext): Promise<ExitCode | undefined> {
  const { output } = context;
  const group = argument(context, 0);
  const result = await (await context.admin()).clients.consumers(group);
  await output.list({
    rows: result.clients,
    columns: [
      { title: 'client', value: ({ clientId }) => clientId },
      { title: 'address', value: ({ clientAddr }) => clientAddr },
      { title: 'language', value: ({ language }) => language },
      { title: 'version', value: ({ version }) => version },
      { title: 'brokers', value: ({ brokers }) => brokers.join(' ') },
    ],
    name: ({ clientId }) => clientId,
    whole: result,
    empty: `no client of group ${group} is online`,
  });
  if (result.online && output.isText) {
    output.say(`${result.consumeType} ${result.messageModel} ${result.consumeFromWhere}`);
  }
  return reportMissing(output, result);
}

async function subscriptions(context: CommandContext): Promise<ExitCode | undefined> {
  const group = argument(context, 0);
  const result = await (await context.admin()).clients.consumers(group);
  await context.output.list({
    rows: result.subscriptions,
    columns: [
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'type', value: ({ expressionType }) => expressionType },
      { title: 'filter', value: ({ subString }) => subString },
      { title: 'since', value: ({ subVersion }) => context.output.time(subVersion) },
    ],
    name: ({ topic }) => topic,
    empty: `no client of group ${group} is online`,
  });
  return reportMissing(context.output, result);
}

async function conflicts(context: CommandContext): Promise<ExitCode | undefined> {
  const { output, args } = context;
  const result = await (await context.admin()).clients.conflicts(args[0]);
  await output.list({
    rows: result.conflicts,
    columns: [
      { title: 'group', value: ({ group }) => group },
      { title: 'conflict', value: ({ kind }) => CONFLICTS[kind] ?? kind },
      { title: 'of', value: ({ subject }) => subject },
      { title: 'since', value: ({ since }) => output.time(since) },
      { title: 'who', value: ({ sides }) => sides.map(sideText).join('; ') },
      { title: 'broker', value: ({ broker }) => broker, wide: true },
    ],
    name: ({ group }) => group,
    whole: result,
    empty: 'the members of every group fit together',
  });
  return reportMissing(output, result);
}

const CONFLICTS: Readonly<Record<string, string>> = {
  SUBSCRIPTIONS_DIFFER: 'different subscriptions',
  MODELS_DIFFER: 'clustering and broadcasting',
  CLIENT_ID_TWICE: 'client id used twice',
  PULL_AND_POP: 'pull and pop',
};

function sideText({ text, clients, clientCount }: GroupConflict['sides'][number]): string {
  const others = clientCount > clients.length ? ` and ${clientCount - clients.length} more` : '';
  return `${text}: ${clients.join(', ')}${others}`;
}

/** Verbs that look at a group's work. */
export const groupReadCommands: readonly Command[] = [
  {
    name: 'group lag',
    about: 'how far a group is behind',
    args: [GROUP],
    options: {
      topic: { value: 'NAME', about: 'only this topic' },
      queues: { about: 'queue by queue' },
      clients: { about: 'queue by queue, with the client that reads it' },
    },
    examples: [
      'comet group lag billing',
      'comet group lag billing --clients',
      'comet group lag billing -o json',
    ],
    run: lag,
  },
  { name: 'group clients', about: 'online members', args: [GROUP], run: clients },
  { name: 'group subs', about: 'what its members subscribe to', args: [GROUP], run: subscriptions },
  {
    name: 'group conflicts',
    about: 'groups whose members do not fit together, and who they are',
    args: [{ ...GROUP, optional: true }],
    examples: ['comet group conflicts', 'comet group conflicts billing'],
    run: conflicts,
  },
  {
    name: 'group stack',
    about: "a member's state and its thread stacks",
    args: [GROUP, { name: 'CLIENT', about: 'client id, see: comet group clients' }],
    run: (context) => showClientInfo(context, argument(context, 0), argument(context, 1), true),
  },
];
