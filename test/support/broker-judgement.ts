// What clients of a broker were told, and whether what the next start finds agrees with it.
import { QueryConsumerOffsetHeader } from '@cometmq/remoting/protocol/header/offset';
import { TopicHeader } from '@cometmq/remoting/protocol/header/topic';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { FaultyBroker } from './faulty-broker.ts';
import { FaultyDisk } from './faulty-disk.ts';
import type { KeyValueBatches } from './faulty-key-value-store.ts';
import { FaultyKeyValueStore } from './faulty-key-value-store.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

export const QUEUES = 2;

export interface Sent {
  readonly topic: string;
  readonly queueId: number;
  readonly body: string;
  /** Undefined: refused, or nobody knows. */
  offset: number | undefined;
}

/** What clients were told, to be compared with what the next start finds. */
export class Told {
  readonly sent: Sent[] = [];
  /** Bodies of delayed and committed messages that must arrive, and of those that must never. */
  readonly due: string[] = [];
  readonly never: string[] = [];
  /** Everything that may be found. */
  readonly known = new Set<string>();
  /** Answers that say that something failed. */
  readonly refusals: { readonly what: string; readonly code: number; readonly remark: string }[] = [];
  readonly faults: string[] = [];
  isTopicMade = false;
  isTopicGone = false;
  retention: string | undefined;
  committedMax = 0;
}

/** Bodies of all messages of a queue, by offset. */
export async function readAll(broker: FaultyBroker, topic: string, queueId: number): Promise<string[]> {
  const bodies: string[] = [];
  for (let offset = 0; ;) {
    const { code, messages, nextOffset } = await broker.during(broker.pull(topic, queueId, offset));
    for (const message of messages) {
      if (message.queueOffset !== offset + messages.indexOf(message))
        throw new Error('a hole in the offsets');
      bodies.push(message.body.toString());
    }
    if (code === ResponseCode.SUCCESS) offset = nextOffset;
    else if (code === ResponseCode.PULL_OFFSET_MOVED && nextOffset > offset) {
      while (offset < nextOffset) bodies[offset++] = '';
    } else if (code === ResponseCode.PULL_NOT_FOUND || code === ResponseCode.PULL_OFFSET_MOVED) return bodies;
    else throw new Error(`code ${code} for offset ${offset}`);
  }
}

/** What a start finds must agree with what was told. */
export async function judge(
  told: Told,
  disk: SimulatedDisk,
  batches: KeyValueBatches,
  flush: 'sync' | 'async',
): Promise<void> {
  const broker = new FaultyBroker(
    new FaultyDisk(disk, undefined),
    new FaultyKeyValueStore(batches, undefined),
    flush,
  );
  await broker.start();
  await broker.clock.advance(3_000);
  const found = new Map<string, string[]>();
  for (const topic of ['orders', 'auto']) {
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      const bodies = await readAll(broker, topic, queueId).catch((error: unknown) => {
        if (told.sent.some((s) => s.topic === topic && s.offset !== undefined)) throw error;
        return [];
      });
      found.set(`${topic}/${queueId}`, bodies);
    }
  }
  for (const { topic, queueId, body, offset } of told.sent) {
    if (offset === undefined || topic === 'gone') continue;
    const there = found.get(`${topic}/${queueId}`)?.[offset];
    if (there !== body) throw new Error(`acknowledged '${body.slice(0, 20)}' of ${topic}/${queueId} is lost`);
  }
  const all = [...found.values()].flat().filter((body) => body !== '');
  for (const body of told.due) if (!all.includes(body)) throw new Error(`'${body}' did not arrive`);
  for (const body of told.never) if (all.includes(body)) throw new Error(`'${body}' arrived`);
  for (const body of all) if (!told.known.has(body)) throw new Error(`a phantom: '${body.slice(0, 20)}'`);
  const single = all.filter((body) => told.sent.some((sent) => sent.body === body));
  if (new Set(single).size !== single.length) throw new Error('a message twice');
  await judgeSettings(told, broker);
  const after = await broker.during(broker.send('auto', Buffer.from('after'), {}));
  if (after.code !== ResponseCode.SUCCESS)
    throw new Error(`sending after the restart: ${after.remark ?? ''}`);
  await broker.stop();
}

async function judgeSettings(told: Told, broker: FaultyBroker): Promise<void> {
  const ask = (code: number, fields?: RemotingCommand['extFields']): Promise<RemotingCommand> =>
    broker.during(broker.ask(code, fields));
  const made = await ask(RequestCode.GET_TOPIC_CONFIG, TopicHeader.encode({ topic: 'orders' }));
  if (told.isTopicMade && made.code !== ResponseCode.SUCCESS) throw new Error('a topic is lost');
  const gone = await ask(RequestCode.GET_TOPIC_CONFIG, TopicHeader.encode({ topic: 'gone' }));
  if (told.isTopicGone && gone.code === ResponseCode.SUCCESS) throw new Error('a deleted topic is back');
  const config = await ask(RequestCode.GET_BROKER_CONFIG);
  if (
    told.retention !== undefined &&
    !(config.body?.toString() ?? '').includes(`fileReservedTime=${told.retention}`)
  )
    throw new Error('a setting is lost');
  const offset = await ask(
    RequestCode.QUERY_CONSUMER_OFFSET,
    QueryConsumerOffsetHeader.encode({ consumerGroup: 'readers', topic: 'orders', queueId: 0 }),
  );
  const committed = Number(offset.extFields?.['offset'] ?? 0);
  if (committed > told.committedMax) throw new Error(`offset ${committed} was never committed`);
}
