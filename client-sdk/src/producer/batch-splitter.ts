import { BATCH_MEMBER_OVERHEAD } from '@cometmq/common/message/batch-codec';
import type { EncodedMessage } from './outgoing-message.ts';

/** Messages that travel together; positions in the caller's array. */
export interface BatchPart {
  readonly indexes: readonly number[];
  readonly messages: readonly EncodedMessage[];
}

interface OpenPart {
  indexes: number[];
  messages: EncodedMessage[];
  sizeBytes: number;
}

/**
 * Cuts messages into batches of at most `sizeMax` bytes and `countMax` messages. Messages of one `lane` (sharding key's
 * queue) stay in order and together; a message that can't be batched goes alone.
 */
export function splitBatch(
  messages: readonly (EncodedMessage | undefined)[],
  laneOf: (message: EncodedMessage) => string,
  sizeMax: number,
  countMax: number,
): BatchPart[] {
  const open = new Map<string, OpenPart>();
  const parts: BatchPart[] = [];
  messages.forEach((message, index) => {
    if (message === undefined) return;
    if (message.delayed) {
      parts.push({ indexes: [index], messages: [message] });
      return;
    }
    const lane = laneOf(message);
    const sizeBytes = BATCH_MEMBER_OVERHEAD + message.body.length + Buffer.byteLength(message.properties);
    let part = open.get(lane);
    if (part === undefined || part.sizeBytes + sizeBytes > sizeMax || part.messages.length >= countMax) {
      part = { indexes: [], messages: [], sizeBytes: 0 };
      open.set(lane, part);
      parts.push(part);
    }
    part.indexes.push(index);
    part.messages.push(message);
    part.sizeBytes += sizeBytes;
  });
  return parts;
}
