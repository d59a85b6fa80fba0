import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { ReceivedMessage } from '../message/received-message.ts';
import type { Duration } from '../options/duration.ts';

/** A queue of a topic, as events name it. */
export interface TopicQueue {
  readonly topic: string;
  readonly broker: string;
  readonly id: number;
}

export interface ConsumerEvents<T> extends Record<string, readonly unknown[]> {
  assigned: [queues: readonly TopicQueue[]];
  revoked: [queues: readonly TopicQueue[]];
  /** A message goes back for another delivery; the error is undefined when the handler asked for it. */
  retry: [message: ReceivedMessage<T>, error: Error | undefined];
  /** A message was given up: it is in the dead letters, or, of a broadcast, gone. */
  deadLetter: [message: ReceivedMessage<T>, error: Error | undefined];
  stalled: [queue: TopicQueue, silentMs: number];
}

export interface ConsumerHealth {
  readonly group: string;
  readonly state: 'starting' | 'running' | 'closing' | 'closed';
  readonly queues: number;
  /** Messages pulled and not finished. */
  readonly buffered: number;
  readonly handlers: number;
}

export interface CloseOptions {
  /** How long handlers at work may take to end. @defaultValue '20s' */
  readonly drain?: Duration;
}

export function topicQueue({ topic, brokerName, queueId }: MessageQueue): TopicQueue {
  return { topic, broker: brokerName, id: queueId };
}
