import { requestFrame } from './request-frame.ts';

/** NOT_FOUND is "nothing new"; neither it nor RETRY_IMMEDIATELY is an error of a pull that may wait. */
export const PullCode = { FOUND: 0, NOT_FOUND: 19, RETRY_IMMEDIATELY: 20 } as const;

const SUSPEND_AND_SUBSCRIPTION = 6;
const BODY_SIZE_AT = 84;

export interface PullFrameOptions {
  readonly topic: string;
  readonly group: string;
  readonly queueId: number;
  readonly offset: number;
  readonly batch: number;
  readonly opaque: number;
  /** A condition of SQL92 instead of all messages. */
  readonly sql?: string | undefined;
}

/** A PULL_MESSAGE as the Java client 5.4.0 writes it, with its subscription in the header, so that no heartbeat is needed. */
export function pullFrame({ topic, group, queueId, offset, batch, opaque, sql }: PullFrameOptions): Buffer {
  return requestFrame(11, opaque, {
    queueId: String(queueId),
    maxMsgBytes: '262144',
    maxMsgNums: String(batch),
    sysFlag: String(SUSPEND_AND_SUBSCRIPTION),
    suspendTimeoutMillis: '15000',
    commitOffset: '0',
    topic,
    queueOffset: String(offset),
    expressionType: sql === undefined ? 'TAG' : 'SQL92',
    subVersion: '1795217082684',
    consumerGroup: group,
    subscription: sql ?? '*',
  });
}

/** Asks for the offset behind a queue's newest message. */
export function maxOffsetFrame(topic: string, queueId: number, opaque: number): Buffer {
  return requestFrame(30, opaque, { topic, queueId: String(queueId) });
}

/** Walks the records in the body of a pull answer; returns their number. Hosts are IPv4 here. */
export function eachRecord(
  bytes: Buffer,
  frameStart: number,
  frameEnd: number,
  visit?: (bodyAt: number) => void,
): number {
  let at = frameStart + 8 + (bytes.readInt32BE(frameStart + 4) & 0xffffff);
  let count = 0;
  while (at < frameEnd) {
    const size = bytes.readInt32BE(at);
    if (size < BODY_SIZE_AT || at + size > frameEnd) throw new Error('a record is longer than its answer');
    visit?.(at + BODY_SIZE_AT + 4);
    at += size;
    count++;
  }
  return count;
}
