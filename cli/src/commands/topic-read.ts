import type { FoundMessage } from '@cometmq/client/admin/message-admin';
import { usageError } from '../command/cli-error.ts';
import type { Command, CommandContext } from '../command/command.ts';
import { argument } from '../command/command.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportMissing } from '../output/merged.ts';
import { MESSAGE_COLUMNS, messageView } from '../output/message-view.ts';

const TOPIC = { name: 'TOPIC', about: 'name of the topic' } as const;
const TAIL_WAIT_MS = 2000;
const LIMIT_MAX = 2000;

async function route(context: CommandContext): Promise<undefined> {
  const topic = argument(context, 0);
  const found = await (await context.admin()).topics.route(topic);
  const rows = found.queueDatas.map((queue) => {
    const broker = found.brokerDatas.find(({ brokerName }) => brokerName === queue.brokerName);
    return { ...queue, cluster: broker?.cluster ?? '', addresses: broker?.brokerAddrs ?? {} };
  });
  await context.output.list({
    rows,
    columns: [
      { title: 'broker', value: ({ brokerName }) => brokerName },
      { title: 'cluster', value: ({ cluster }) => cluster },
      { title: 'read', value: ({ readQueueNums }) => readQueueNums },
      { title: 'write', value: ({ writeQueueNums }) => writeQueueNums },
      { title: 'perm', value: ({ perm }) => perm },
      {
        title: 'addresses',
        value: ({ addresses }) =>
          Object.entries(addresses)
            .map((pair) => pair.join('='))
            .join(' '),
      },
    ],
    name: ({ brokerName }) => brokerName,
    whole: found,
  });
  return undefined;
}

async function stats(context: CommandContext): Promise<ExitCode | undefined> {
  const result = await (await context.admin()).topics.stats(argument(context, 0));
  await context.output.list({
    rows: result.queues,
    columns: [
      { title: 'queue', value: ({ brokerName, queueId }) => `${brokerName}/${queueId}` },
      { title: 'min', value: ({ minOffset }) => minOffset },
      { title: 'max', value: ({ maxOffset }) => maxOffset },
      { title: 'messages', value: ({ maxOffset, minOffset }) => Math.max(0, maxOffset - minOffset) },
      { title: 'last stored', value: ({ lastUpdateTimestamp }) => context.output.time(lastUpdateTimestamp) },
    ],
    name: ({ brokerName, queueId }) => `${brokerName}/${queueId}`,
    whole: result,
  });
  if (context.output.isText) context.output.say(`total ${result.messageCount} messages`);
  return reportMissing(context.output, result);
}

async function groups(context: CommandContext): Promise<ExitCode | undefined> {
  const result = await (await context.admin()).topics.consumerGroups(argument(context, 0));
  await context.output.list({
    rows: result.groups,
    columns: [{ title: 'group', value: (group) => group }],
    name: (group) => group,
    whole: result,
    empty: 'no group consumes this topic',
  });
  return reportMissing(context.output, result);
}

async function peek(context: CommandContext): Promise<undefined> {
  const { options, output } = context;
  const from = options.time('from');
  const to = options.time('to');
  const queueId = options.whole('queue');
  const broker = options.text('broker');
  const filter = options.text('tag');
  const result = await (
    await context.admin()
  ).browser.browse(argument(context, 0), {
    limit: options.whole('limit', { min: 1, max: LIMIT_MAX }) ?? 10,
    newest: from === undefined,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(queueId === undefined ? {} : { queueId }),
    ...(broker === undefined ? {} : { broker }),
    ...(filter === undefined ? {} : { filter }),
  });
  const rows = await Promise.all(result.messages.map((message) => messageView(message, output)));
  await output.list({
    rows,
    columns: MESSAGE_COLUMNS,
    name: ({ messageId }) => messageId,
    whole: { messages: rows, complete: result.complete, remaining: result.remaining },
    empty: 'no messages in this range',
  });
  if (!result.complete) output.say('there are more: raise --limit, or give --from and --to');
  return undefined;
}

async function tail(context: CommandContext): Promise<undefined> {
  const { options, output, signal } = context;
  const topic = argument(context, 0);
  const admin = await context.admin();
  const filter = options.text('tag');
  const max = options.whole('limit', { min: 1 }) ?? Number.POSITIVE_INFINITY;
  let printed = 0;
  const isDone = (): boolean => signal.aborted || printed >= max;
  output.say(`new messages of ${topic}; end with Ctrl-C`);
  const follow = async (queue: Awaited<ReturnType<typeof admin.browser.queues>>[number]): Promise<void> => {
    let offset = await admin.offsets.maxOffset(queue.node.address, topic, queue.queueId);
    while (!isDone()) {
      const page = await admin.browser.read(queue, offset, {
        waitMs: TAIL_WAIT_MS,
        ...(filter === undefined ? {} : { filter }),
      });
      offset = page.nextOffset;
      for (const message of page.messages) {
        if (isDone()) return;
        printed++;
        await print(context, message);
      }
    }
  };
  await Promise.all((await admin.browser.queues(topic)).map(follow));
  return undefined;
}

async function print({ output }: CommandContext, message: FoundMessage): Promise<void> {
  const view = await messageView(message, output);
  if (output.isText) {
    output.data(
      `${output.time(message.storeTimestamp)}  ${view.queue}  ${view.tag ?? '-'}  ${view.keys ?? '-'}  ${view.preview}\n`,
    );
  } else {
    output.data(`${JSON.stringify(view)}\n`);
  }
}

async function send(context: CommandContext): Promise<undefined> {
  const { options, output, args } = context;
  const text = args[1] ?? options.text('body');
  if (text === undefined)
    throw usageError('the body is missing', 'give it as second argument, or - for standard input');
  const body = text === '-' ? await context.readInput() : Buffer.from(text);
  const tag = options.text('tag');
  const broker = options.text('broker');
  const queueId = options.whole('queue');
  const result = await (
    await context.admin()
  ).sender.send({
    topic: argument(context, 0),
    body,
    keys: options.list('key'),
    properties: Object.fromEntries(options.list('property').map(propertyOf)),
    ...(tag === undefined ? {} : { tag }),
    ...(broker === undefined ? {} : { broker }),
    ...(queueId === undefined ? {} : { queueId }),
  });
  await output.record(
    [
      ['status', result.status],
      ['message id', result.messageId],
      ['queue', `${result.broker}/${result.queueId}`],
      ['offset', result.queueOffset],
      ['durability', result.durability],
      ['offset id', result.offsetMessageId],
    ],
    result,
    result.messageId,
  );
  return undefined;
}

function propertyOf(text: string): [string, string] {
  const separator = text.indexOf('=');
  if (separator > 0) return [text.slice(0, separator), text.slice(separator + 1)];
  throw usageError(`--property "${text}" is not of the form name=value`, 'for example: --property region=cn');
}

/** Verbs that read a topic's queues or write a message to one. */
export const topicReadCommands: readonly Command[] = [
  { name: 'topic route', about: 'which brokers have the topic', args: [TOPIC], run: route },
  { name: 'topic stats', about: 'offsets and message counts of each queue', args: [TOPIC], run: stats },
  { name: 'topic groups', about: 'groups that consume the topic', args: [TOPIC], run: groups },
  {
    name: 'topic peek',
    about: 'look at messages without consuming them: the newest, or those of a time',
    args: [TOPIC],
    options: {
      limit: { value: 'N', about: 'messages at most (10)' },
      from: { value: 'TIME', about: 'stored at or after this time' },
      to: { value: 'TIME', about: 'stored at or before this time' },
      tag: { value: 'TAGS', about: 'only these tags: a || b' },
      broker: { value: 'NAME', short: 'b', about: 'only this broker' },
      queue: { value: 'N', about: 'only this queue' },
    },
    examples: ['comet topic peek orders', 'comet topic peek orders --from -1h --limit 100 -o ndjson'],
    run: peek,
  },
  {
    name: 'topic tail',
    about: 'show messages as they arrive',
    args: [TOPIC],
    options: {
      tag: { value: 'TAGS', about: 'only these tags: a || b' },
      limit: { value: 'N', about: 'end after this many messages' },
    },
    untilInterrupted: true,
    run: tail,
  },
  {
    name: 'topic send',
    about: 'send one message',
    args: [TOPIC, { name: 'BODY', about: 'text, or - for standard input', optional: true }],
    options: {
      body: { value: 'TEXT', about: 'the body' },
      tag: { value: 'TAG', about: 'its tag' },
      key: { value: 'KEY', multiple: true, about: 'a key to find it by' },
      property: { value: 'NAME=VALUE', multiple: true, about: 'a user property' },
      broker: { value: 'NAME', short: 'b', about: 'to this broker' },
      queue: { value: 'N', about: 'to this queue' },
    },
    examples: ['comet topic send orders \'{"id":1}\' --tag created --key order-1'],
    run: send,
  },
];
