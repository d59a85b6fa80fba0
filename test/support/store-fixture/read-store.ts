// Everything that clients can read of a broker, in a form that can be compared.
import { createHash } from 'node:crypto';
import type { StoredMessage } from '@cometmq/common/message/message';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { OffsetResponseHeader, QueueHeader } from '@cometmq/remoting/protocol/header/offset';
import { QueryMessageHeader } from '@cometmq/remoting/protocol/header/message';
import {
  PullFlag,
  PullMessageHeader,
  PullMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/pull';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { BrokerCaller } from '../crash/broker-caller.ts';

export interface StoreContent {
  /** Settings of the named topics and groups, and all offsets of the groups. */
  readonly topics: Readonly<Record<string, unknown>>;
  readonly groups: Readonly<Record<string, unknown>>;
  readonly offsets: Readonly<Record<string, unknown>>;
  /** `topic/queue` to its range and messages. */
  readonly queues: Readonly<Record<string, QueueContent>>;
  /** Key to the offsets of the messages it finds. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

interface QueueContent {
  readonly min: number;
  readonly max: number;
  readonly messages: readonly unknown[];
}

/** Larger bodies stand as their hash. */
const BODY_MAX = 1024;

/** `topics`: name to number of queues. */
export async function readStore(
  caller: BrokerCaller,
  topics: Readonly<Record<string, number>>,
  groups: readonly string[],
): Promise<StoreContent> {
  const topicTable = await askForJson(caller, RequestCode.GET_ALL_TOPIC_CONFIG, 'topicConfigTable');
  const groupTable = await askForJson(
    caller,
    RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
    'subscriptionGroupTable',
  );
  const offsetTable = await askForJson(caller, RequestCode.GET_ALL_CONSUMER_OFFSET, 'offsetTable');
  const queues: Record<string, QueueContent> = {};
  const keys: Record<string, string[]> = {};
  for (const [topic, count] of Object.entries(topics)) {
    for (let queue = 0; queue < count; queue++) {
      const messages = await readQueue(caller, topic, queue);
      const [min, max] = [
        await offsetOf(caller, RequestCode.GET_MIN_OFFSET, topic, queue),
        await offsetOf(caller, RequestCode.GET_MAX_OFFSET, topic, queue),
      ];
      queues[`${topic}/${queue}`] = { min, max, messages: messages.map(plain) };
      for (const message of messages) {
        const key = message.properties.get('KEYS');
        if (key !== undefined) keys[`${topic}#${key}`] = await findByKey(caller, topic, key);
      }
    }
  }
  return {
    topics: pick(topicTable, Object.keys(topics)),
    groups: pick(groupTable, groups),
    offsets: pick(
      offsetTable,
      groups.flatMap((group) => Object.keys(topics).map((topic) => `${topic}@${group}`)),
    ),
    queues,
    keys,
  };
}

async function readQueue(caller: BrokerCaller, topic: string, queueId: number): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  const max = await offsetOf(caller, RequestCode.GET_MAX_OFFSET, topic, queueId);
  for (let from = await offsetOf(caller, RequestCode.GET_MIN_OFFSET, topic, queueId); from < max;) {
    const answer = await ask(caller, {
      code: RequestCode.PULL_MESSAGE,
      extFields: PullMessageHeader.encode({
        consumerGroup: 'fixture-reader',
        topic,
        queueId,
        queueOffset: from,
        maxMsgNums: 32,
        sysFlag: PullFlag.SUBSCRIPTION,
        commitOffset: 0,
        suspendTimeoutMillis: 0,
        subVersion: 0,
        subscription: '*',
        expressionType: 'TAG',
      }),
    });
    messages.push(...decodeMessages(answer.body ?? Buffer.alloc(0)));
    from = PullMessageResponseHeader.decode(answer.extFields).nextBeginOffset;
  }
  return messages;
}

async function findByKey(caller: BrokerCaller, topic: string, key: string): Promise<string[]> {
  const times = { beginTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER };
  const extFields = QueryMessageHeader.encode({ topic, key, maxNum: 32, ...times });
  const answer = await ask(caller, { code: RequestCode.QUERY_MESSAGE, extFields });
  return decodeMessages(answer.body ?? Buffer.alloc(0)).map(
    (found) => `${found.queueId}@${found.queueOffset}`,
  );
}

async function offsetOf(caller: BrokerCaller, code: number, topic: string, queueId: number): Promise<number> {
  const answer = await ask(caller, { code, extFields: QueueHeader.encode({ topic, queueId }) });
  return OffsetResponseHeader.decode(answer.extFields).offset;
}

async function askForJson(
  caller: BrokerCaller,
  code: number,
  member: string,
): Promise<Record<string, unknown>> {
  const answer = await ask(caller, { code });
  return (JSON.parse(String(answer.body)) as Record<string, Record<string, unknown>>)[member] ?? {};
}

/** @throws Error when the broker refuses. */
export async function ask(caller: BrokerCaller, request: Request): Promise<RemotingCommand> {
  const answer = await caller.ask(request);
  if (answer?.code !== ResponseCode.SUCCESS)
    throw new Error(`request ${request.code}: ${answer?.code ?? 'no answer'} ${answer?.remark ?? ''}`);
  return answer;
}

function pick(table: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => name in table).map((name) => [name, table[name]]));
}

function plain({ body, properties, ...message }: StoredMessage): unknown {
  return {
    ...message,
    body: body.length > BODY_MAX ? createHash('sha1').update(body).digest('hex') : body.toString('base64'),
    properties: Object.fromEntries(properties),
  };
}
