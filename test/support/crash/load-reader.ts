// Reading: the group that consumes while the broker is killed, and observers that read everything afterwards.
import type { StoredMessage } from '@cometmq/common/message/message';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { retryTopic, dlqTopic } from '@cometmq/common/topic/names';
import {
  OffsetResponseHeader,
  QueryConsumerOffsetHeader,
  QueueHeader,
  UpdateConsumerOffsetHeader,
} from '@cometmq/remoting/protocol/header/offset';
import {
  PullFlag,
  PullMessageHeader,
  PullMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/pull';
import { SendBackHeader } from '@cometmq/remoting/protocol/header/send';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { HistoryEvent } from '../history/history-event.ts';
import type { BrokerCaller } from './broker-caller.ts';
import type { LoadContext } from './load-context.ts';
import { CONSUMER_GROUP, LOAD_TOPICS, MADE_TOPIC, pause, runClient } from './load-context.ts';
import { bodyHash, idOf } from './load-messages.ts';

interface QueueName {
  readonly topic: string;
  readonly queue: number;
}

const DRAIN_GROUP = 'crash-drain';
const RETRY: QueueName = { topic: retryTopic(CONSUMER_GROUP), queue: 0 };
const CONSUMED: readonly QueueName[] = [
  ...Array.from({ length: LOAD_TOPICS.plain }, (_, queue) => ({ topic: 'plain', queue })),
  RETRY,
];
const ALL_QUEUES: readonly QueueName[] = [
  ...Object.entries(LOAD_TOPICS).flatMap(([topic, queues]) =>
    Array.from({ length: queues }, (_, queue) => ({ topic, queue })),
  ),
  RETRY,
  { topic: dlqTopic(CONSUMER_GROUP), queue: 0 },
];

/** A consumer that goes on where its group's committed offsets say, and returns one message of forty. */
export function runConsumer(context: LoadContext, proc: string): Promise<void> {
  return runClient(context, async (caller, isOn) => {
    const positions = new Map<QueueName, number>();
    while (isOn()) {
      for (const queue of CONSUMED) {
        const from = positions.get(queue) ?? (await committedOffset(context, caller, proc, queue));
        if (from === undefined) continue;
        const to = await consume(context, caller, proc, queue, from);
        if (to !== undefined) positions.set(queue, to);
      }
      await pause(context, 4);
    }
  });
}

async function committedOffset(
  { history }: LoadContext,
  caller: BrokerCaller,
  proc: string,
  { topic, queue }: QueueName,
): Promise<number | undefined> {
  const header = { consumerGroup: CONSUMER_GROUP, topic, queueId: queue, setZeroIfNotFound: true };
  const answer = await caller.ask({
    code: RequestCode.QUERY_CONSUMER_OFFSET,
    extFields: QueryConsumerOffsetHeader.encode(header),
  });
  if (answer === undefined) return undefined;
  const found =
    answer.code === ResponseCode.SUCCESS ? OffsetResponseHeader.decode(answer.extFields).offset : 0;
  history.add({ proc, op: 'committed', phase: 'ok', group: CONSUMER_GROUP, topic, queue, qoff: found });
  return found;
}

/** Takes what is there and commits it; the next offset. */
async function consume(
  context: LoadContext,
  caller: BrokerCaller,
  proc: string,
  queue: QueueName,
  from: number,
): Promise<number | undefined> {
  const answer = await pull(caller, CONSUMER_GROUP, queue, from);
  if (answer?.code !== ResponseCode.SUCCESS) return undefined;
  const messages = decodeMessages(answer.body ?? Buffer.alloc(0));
  for (const message of messages) context.history.add({ ...delivered(proc, message), group: CONSUMER_GROUP });
  for (const message of messages) {
    if (queue !== RETRY && context.random.below(40) === 0) await sendBack(context, caller, proc, message);
  }
  const next = PullMessageResponseHeader.decode(answer.extFields).nextBeginOffset;
  const event = { proc, op: 'commit', group: CONSUMER_GROUP, ...queue, qoff: next } as const;
  context.history.add({ ...event, phase: 'invoke' });
  const header = {
    consumerGroup: CONSUMER_GROUP,
    topic: queue.topic,
    queueId: queue.queue,
    commitOffset: next,
  };
  const done = await caller.ask({
    code: RequestCode.UPDATE_CONSUMER_OFFSET,
    extFields: UpdateConsumerOffsetHeader.encode(header),
  });
  context.history.add({ ...event, phase: done?.code === ResponseCode.SUCCESS ? 'ok' : 'info' });
  return next;
}

/** Returns a message: to be retried in a second, or (one of three) to the dead letters. */
async function sendBack(
  { history, random }: LoadContext,
  caller: BrokerCaller,
  proc: string,
  message: StoredMessage,
): Promise<void> {
  const isDead = random.below(3) === 0;
  const topic = isDead ? dlqTopic(CONSUMER_GROUP) : RETRY.topic;
  const event = { proc, op: 'back', group: CONSUMER_GROUP, topic, id: idOf(message) } as const;
  history.add({ ...event, phase: 'invoke' });
  const extFields = SendBackHeader.encode({
    offset: message.physicalOffset,
    group: CONSUMER_GROUP,
    delayLevel: isDead ? -1 : 1,
  });
  const answer = await caller.ask({ code: RequestCode.CONSUMER_SEND_MSG_BACK, extFields });
  history.add({ ...event, phase: answer?.code === ResponseCode.SUCCESS ? 'ok' : 'info' });
}

function pull(
  caller: BrokerCaller,
  consumerGroup: string,
  { topic, queue }: QueueName,
  queueOffset: number,
): Promise<RemotingCommand | undefined> {
  const extFields = PullMessageHeader.encode({
    consumerGroup,
    topic,
    queueId: queue,
    queueOffset,
    maxMsgNums: 32,
    sysFlag: PullFlag.SUBSCRIPTION,
    commitOffset: 0,
    suspendTimeoutMillis: 0,
    subVersion: 0,
    subscription: '*',
    expressionType: 'TAG',
  });
  return caller.ask({ code: RequestCode.PULL_MESSAGE, extFields });
}

function delivered(proc: string, message: StoredMessage): Omit<HistoryEvent, 't'> {
  return {
    proc,
    op: 'deliver',
    phase: 'ok',
    topic: message.topic,
    queue: message.queueId,
    qoff: message.queueOffset,
    phys: message.physicalOffset,
    id: idOf(message),
    body: bodyHash(message.body),
    stored: message.storeTimestamp,
  };
}

/** Reads every queue from its first message to its last, and which topics there are. */
export async function drain({ history }: LoadContext, caller: BrokerCaller, proc: string): Promise<void> {
  const answer = await mustAnswer(caller.ask({ code: RequestCode.GET_ALL_TOPIC_CONFIG }));
  const { topicConfigTable } = JSON.parse(String(answer.body)) as {
    topicConfigTable: Record<string, unknown>;
  };
  const topics = Object.keys(topicConfigTable);
  for (const topic of topics) history.add({ proc, op: 'exists', phase: 'ok', topic });
  const made = topics.filter((topic) => topic.startsWith(MADE_TOPIC)).map((topic) => ({ topic, queue: 0 }));
  for (const queue of [...ALL_QUEUES, ...made]) {
    // Nothing may have been returned in a short run.
    if (!(queue.topic in topicConfigTable)) continue;
    const { min, max } = await range(caller, queue);
    history.add({ proc, op: 'range', phase: 'ok', ...queue, min, max });
    for (let from = min; from < max;) {
      const answer = await mustAnswer(pull(caller, DRAIN_GROUP, queue, from));
      if (answer.code !== ResponseCode.SUCCESS)
        throw new Error(
          `${proc}: pull of ${queue.topic}/${queue.queue} at ${from} of ${max}: ${answer.code} ${answer.remark ?? ''}`,
        );
      for (const message of decodeMessages(answer.body ?? Buffer.alloc(0)))
        history.add(delivered(proc, message));
      from = PullMessageResponseHeader.decode(answer.extFields).nextBeginOffset;
    }
  }
}

async function range(
  caller: BrokerCaller,
  { topic, queue }: QueueName,
): Promise<{ min: number; max: number }> {
  const extFields = QueueHeader.encode({ topic, queueId: queue });
  const [min, max] = await Promise.all(
    [RequestCode.GET_MIN_OFFSET, RequestCode.GET_MAX_OFFSET].map(
      async (code) =>
        OffsetResponseHeader.decode((await mustAnswer(caller.ask({ code, extFields }))).extFields).offset,
    ),
  );
  return { min: min ?? 0, max: max ?? 0 };
}

async function mustAnswer(asked: Promise<RemotingCommand | undefined>): Promise<RemotingCommand> {
  const answer = await asked;
  if (answer === undefined) throw new Error('the broker does not answer, though nobody killed it');
  return answer;
}
