import type { Durability } from '../store/log/durability.ts';

/** A message to store, as any door hands it over. Buffers are only read until the call's first `await`. */
export interface SendRequest {
  readonly topic: string;
  /** Negative: the broker chooses. */
  readonly queueId: number;
  readonly producerGroup: string;
  /** Template for automatic creation. */
  readonly defaultTopic: string;
  readonly defaultTopicQueues: number;
  readonly flag: number;
  readonly sysFlag: number;
  /** ms. */
  readonly bornTimestamp: number;
  readonly bornAddress: string;
  readonly bornPort: number;
  readonly reconsumeTimes: number;
  /** What the sender allows a retry topic, or undefined for the group's setting. */
  readonly maxReconsumeTimes: number | undefined;
  readonly body: Buffer;
  /** Stored text, UTF-8. */
  readonly properties: Buffer;
}

/** A stored message. */
export interface SendOutcome {
  readonly queueId: number;
  readonly queueOffset: number;
  /** Offset ids, joined by commas for a batch. */
  readonly messageId: string;
  /** `UNIQ_KEY`. */
  readonly uniqueKey: string;
  /** Of a message that waits for its time: what it can be taken back with. */
  readonly recallHandle?: string | undefined;
  /** What the acknowledgement promises. */
  readonly durability: Durability;
}

export interface SendBackRequest {
  readonly group: string;
  /** Log position of the message. */
  readonly physicalOffset: number;
  /** 0: by the number of attempts; negative: to the dead letters at once. */
  readonly delayLevel: number;
  readonly maxReconsumeTimes: number | undefined;
}
