import type { FoundMessage, FoundMessages } from '@cometmq/client/admin/message-admin';
import { parseQueuePlace } from '@cometmq/client/admin/message-browser';
import { notFoundError, usageError } from '../command/cli-error.ts';
import type { Command, CommandContext, OptionSpec } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { ExitCode } from '../command/exit-code.ts';
import { reportMissing } from '../output/merged.ts';
import { MESSAGE_COLUMNS, messageEntries, messageView } from '../output/message-view.ts';

const ID = { name: 'ID', about: 'message id (unique key) or offset id' } as const;
const TOPIC: Readonly<Record<string, OptionSpec>> = {
  topic: { value: 'NAME', short: 't', about: 'the topic' },
};

async function get(context: CommandContext): Promise<ExitCode | undefined> {
  const message = await findOne(context);
  const view = await messageView(message, context.output);
  await context.output.record(messageEntries(view), view, view.messageId);
  return undefined;
}

async function find(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const key = options.text('key');
  if (key === undefined)
    throw usageError('--key is missing', 'for example: comet message find --topic orders --key order-1');
  const from = options.time('from');
  const to = options.time('to');
  const result = await (
    await context.admin()
  ).messages.byKey(topicOf(context), key, {
    limit: options.whole('limit', { min: 1, max: 64 }) ?? 64,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  await show(context, result);
  if (result.messages.length === 0) return ExitCode.NOT_FOUND;
  if (!result.complete && result.failures.length === 0)
    output.say('there may be more: narrow it with --from and --to');
  return reportMissing(output, result);
}

async function at(context: CommandContext): Promise<ExitCode | undefined> {
  const place = parseQueuePlace(topicOf(context), argument(context, 0));
  const offset = Number(argument(context, 1));
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw usageError(`"${argument(context, 1)}" is no offset`, 'give a whole number of at least 0');
  }
  const message = await (await context.admin()).browser.at(place, offset);
  if (message === undefined) {
    throw notFoundError(
      'MQ-MSG-404',
      `no message at offset ${offset}`,
      `see the bounds with: comet topic stats ${place.topic}`,
    );
  }
  const view = await messageView(message, context.output);
  await context.output.record(messageEntries(view), view, view.messageId);
  return undefined;
}

async function who(context: CommandContext): Promise<ExitCode | undefined> {
  const message = await findOne(context);
  const result = await (await context.admin()).tracks(message);
  await context.output.list({
    rows: result.tracks,
    columns: [
      { title: 'group', value: ({ group }) => group },
      { title: 'status', value: ({ status }) => status },
      { title: 'committed', value: ({ committed }) => committed },
      { title: 'detail', value: ({ detail }) => detail },
    ],
    name: ({ group }) => group,
    whole: result,
    empty: 'no group consumes this topic',
  });
  return reportMissing(context.output, result);
}

async function consume(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const group = options.text('group');
  const client = options.text('client');
  if (group === undefined || client === undefined) {
    throw usageError('--group and --client are needed', 'see the clients with: comet group clients GROUP');
  }
  const message = await findOne(context);
  const result = await (await context.admin()).messages.consumeDirectly(group, client, message);
  const entries: [string, unknown][] = [
    ['result', result.result],
    ['took', `${result.spentMs} ms`],
    ['remark', result.remark],
  ];
  await output.record(entries, result, result.result);
  return result.result === 'CR_SUCCESS' ? undefined : ExitCode.FAILED;
}

export const messageCommands: readonly Command[] = [
  {
    name: 'message get',
    about: 'everything about one message',
    args: [ID],
    options: TOPIC,
    examples: ['comet message get 7F0000015C8B2A139A5522C6CF8D0000 --topic orders'],
    run: get,
  },
  {
    name: 'message find',
    about: 'messages with a key',
    options: {
      ...TOPIC,
      key: { value: 'KEY', short: 'k', about: 'the key' },
      from: { value: 'TIME', about: 'stored at or after this time' },
      to: { value: 'TIME', about: 'stored at or before this time' },
      limit: { value: 'N', about: 'messages at most (64)' },
    },
    examples: ['comet message find --topic orders --key order-1 -o wide'],
    run: find,
  },
  {
    name: 'message at',
    about: 'the message at an offset of a queue',
    args: [
      { name: 'BROKER/QUEUE', about: 'such as broker-a/0' },
      { name: 'OFFSET', about: 'its offset' },
    ],
    options: TOPIC,
    run: at,
  },
  { name: 'message who', about: 'which groups consumed a message', args: [ID], options: TOPIC, run: who },
  {
    name: 'message consume',
    about: 'hand a message to one online consumer; offsets do not move',
    args: [ID],
    options: {
      ...TOPIC,
      group: { value: 'NAME', short: 'g', about: 'its group' },
      client: { value: 'ID', about: 'its client id' },
    },
    run: consume,
  },
];

function topicOf({ options }: CommandContext): string {
  const topic = options.text('topic');
  if (topic !== undefined) return topic;
  throw usageError('--topic is missing', 'message ids and keys are looked up in a topic: --topic NAME');
}

async function findOne(context: CommandContext): Promise<FoundMessage> {
  const id = argument(context, 0);
  const result = await (await context.admin()).messages.byId(topicOf(context), id);
  const [message] = result.messages;
  if (result.messages.length > 1)
    context.output.say(`${result.messages.length} messages have this id; this is the oldest`);
  if (message !== undefined) return message;
  reportMissing(context.output, result);
  throw notFoundError(
    'MQ-MSG-404',
    `topic ${topicOf(context)} has no message ${id}`,
    'check the topic; messages whose time is over are gone',
  );
}

async function show(context: CommandContext, result: FoundMessages): Promise<void> {
  const rows = await Promise.all(result.messages.map((message) => messageView(message, context.output)));
  await context.output.list({
    rows,
    columns: MESSAGE_COLUMNS,
    name: ({ messageId }) => messageId,
    whole: { ...result, messages: rows },
    empty: 'no message has this key',
  });
}
