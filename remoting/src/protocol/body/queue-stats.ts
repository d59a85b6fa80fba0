import type { MessageQueue } from './message-queue.ts';
import { readMessageQueue } from './message-queue.ts';
import { asInteger, asObject } from './shape.ts';
import { mapEntries } from './tolerant-json.ts';

/** One queue of a topic. */
export interface TopicQueueStats extends MessageQueue {
  readonly minOffset: number;
  /** Offset of the next message. */
  readonly maxOffset: number;
  /** Store time of the newest message, ms; 0 for an empty queue. */
  readonly lastUpdateTimestamp: number;
}

/** One queue as a group sees it. */
export interface ConsumeQueueStats extends MessageQueue {
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  readonly pullOffset: number;
  /** Store time of the newest consumed message, ms; 0 when there is none. */
  readonly lastTimestamp: number;
}

/** Answer of GET_CONSUME_STATS (208). */
export interface ConsumeStats {
  readonly consumeTps: number;
  readonly queues: readonly ConsumeQueueStats[];
}

/** Reads the answer of GET_TOPIC_STATS_INFO (202). */
export function readTopicStats(value: unknown): TopicQueueStats[] {
  return mapEntries(asObject(value)['offsetTable']).map(([queue, stats]) => {
    const members = asObject(stats);
    return {
      ...readMessageQueue(queue),
      minOffset: asInteger(members['minOffset']),
      maxOffset: asInteger(members['maxOffset']),
      lastUpdateTimestamp: asInteger(members['lastUpdateTimestamp']),
    };
  });
}

export function readConsumeStats(value: unknown): ConsumeStats {
  const { consumeTps, offsetTable } = asObject(value);
  return {
    consumeTps: typeof consumeTps === 'number' ? consumeTps : 0,
    queues: mapEntries(offsetTable).map(([queue, stats]) => {
      const members = asObject(stats);
      const consumerOffset = asInteger(members['consumerOffset']);
      return {
        ...readMessageQueue(queue),
        brokerOffset: asInteger(members['brokerOffset']),
        consumerOffset,
        pullOffset: asInteger(members['pullOffset'], consumerOffset),
        lastTimestamp: asInteger(members['lastTimestamp']),
      };
    }),
  };
}

/** Reads `{"offsetTable":{queue:offset}}`, the answer of INVOKE_BROKER_TO_RESET_OFFSET (222). */
export function readOffsetTable(value: unknown): (MessageQueue & { readonly offset: number })[] {
  return mapEntries(asObject(value)['offsetTable']).map(([queue, offset]) => ({
    ...readMessageQueue(queue),
    offset: asInteger(offset),
  }));
}
