import { crc32 } from 'node:zlib';
import {
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  RECORD_SIZE_MIN,
  TOPIC_LENGTH_V1_MAX,
} from '@cometmq/common/message/record-layout';
import type { AppendRequest } from './append-request.ts';
import { putInt32, putInt64 } from './bytes.ts';

/** Bytes of the hosts beyond the two times eight that `RECORD_SIZE_MIN` counts. */
function hostExtra(request: AppendRequest, storeHost: Uint8Array): number {
  return request.bornHost.length + storeHost.length - 16;
}

export function recordSize(request: AppendRequest, storeHost: Uint8Array): number {
  const topicLengthExtra = request.topic.length > TOPIC_LENGTH_V1_MAX ? 1 : 0;
  return (
    RECORD_SIZE_MIN +
    hostExtra(request, storeHost) +
    (request.bodyEnd - request.bodyStart) +
    request.topic.length +
    topicLengthExtra +
    (request.propertiesEnd - request.propertiesStart)
  );
}

/** Writes the record (layout: common/message/record-layout.ts) at `at`; exactly `recordSize` bytes. */
export function writeRecord(
  target: Buffer,
  at: number,
  request: AppendRequest,
  size: number,
  queueOffset: number,
  physicalOffset: number,
  storeTimestamp: number,
  storeHost: Uint8Array,
): void {
  const { body, bodyStart, bodyEnd, topic, properties, propertiesStart, propertiesEnd, bornHost } = request;
  const isLongTopic = topic.length > TOPIC_LENGTH_V1_MAX;
  putInt32(target, at, size);
  putInt32(target, at + 4, isLongTopic ? RECORD_MAGIC_V2 : RECORD_MAGIC_V1);
  putInt32(target, at + 12, request.queue.queueId);
  putInt32(target, at + 16, request.flag);
  putInt64(target, at + 20, queueOffset);
  putInt64(target, at + 28, physicalOffset);
  putInt32(target, at + 36, request.sysFlag);
  putInt64(target, at + 40, request.bornTimestamp);
  target.set(bornHost, at + 48);
  let position = at + 48 + bornHost.length;
  putInt64(target, position, storeTimestamp);
  target.set(storeHost, position + 8);
  position += 8 + storeHost.length;
  putInt32(target, position, request.reconsumeTimes);
  putInt64(target, position + 4, request.preparedTransactionOffset);
  putInt32(target, position + 12, bodyEnd - bodyStart);
  position += 16;
  // One view for both, because a view costs as much as copying a few hundred bytes.
  const view = body.subarray(bodyStart, bodyEnd);
  target.set(view, position);
  putInt32(target, at + 8, crc32(view) & 0x7fffffff);
  position += view.length;
  if (isLongTopic) target[position++] = topic.length >>> 8;
  target[position++] = topic.length & 0xff;
  target.set(topic, position);
  position += topic.length;
  const propertiesSize = propertiesEnd - propertiesStart;
  target[position] = propertiesSize >>> 8;
  target[position + 1] = propertiesSize & 0xff;
  properties.copy(target, position + 2, propertiesStart, propertiesEnd);
}
