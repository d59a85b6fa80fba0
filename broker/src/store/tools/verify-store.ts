import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync } from '@cometmq/common/disk/atomic-file';
import { errorText } from '@cometmq/common/error/mq-error';
import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { RecordField } from '@cometmq/common/message/record-layout';
import { getInt32, getInt64 } from '../bytes.ts';
import { SLOT_SIZE, isSlotIntact } from '../checkpoint.ts';
import type { CheckpointState } from '../checkpoint.ts';
import { LogScanner } from '../log/log-recovery.ts';
import { readCheckedJson } from '../checked-json.ts';
import { readDroppedTopics } from '../dropped-topics.ts';
import type { StoreFinding, VerifiedLog } from './store-files.ts';
import { ReadOnlySegments, durableEnd, readCheckpoint } from './store-files.ts';
import { verifyIndex } from './verify-index.ts';
import { verifyQueues } from './verify-queues.ts';

/**
 * Checks every byte of a stopped broker's store: frames and their links, records, queue entries against the log, index
 * entries, checkpoint. Only reads. What a crash leaves and the next start puts right by itself is no finding.
 */
export async function* verifyStore(disk: Disk, directory: string): AsyncGenerator<StoreFinding> {
  yield* verifyCheckpoint(disk, directory);
  for (const name of ['dropped-topics.json', 'rebuilding.json'])
    yield* verifyJson(disk, join(directory, name));
  const checkpoint = readCheckpoint(disk, directory);
  const segments = new ReadOnlySegments(disk, directory);
  try {
    yield* segments.findings;
    if (segments.isEmpty) {
      if (checkpoint !== undefined) {
        yield {
          file: join(directory, 'commitlog'),
          offset: 0,
          length: checkpoint.logOffset,
          problem: 'the log is missing',
        };
      }
      return;
    }
    const dropped = droppedTopics(disk, directory);
    const { log, findings } = verifyLog(segments, checkpoint, dropped);
    yield* findings;
    yield* verifyQueues(disk, directory, log, checkpoint, dropped);
    yield* verifyIndex(disk, directory, log, checkpoint);
  } finally {
    await segments.close();
  }
}

function* verifyCheckpoint(disk: Disk, directory: string): Generator<StoreFinding> {
  const file = join(directory, 'checkpoint');
  const bytes = readFileSync(disk, file);
  if (bytes === undefined) {
    yield {
      file,
      offset: 0,
      length: 0,
      problem: 'the checkpoint is missing; the next start reads the whole log',
    };
    return;
  }
  const isYoung = isSlotIntact(bytes, SLOT_SIZE) && bytes.readBigInt64BE(SLOT_SIZE + 8) === 1n;
  for (const offset of [0, SLOT_SIZE]) {
    // The first checkpoint of a store goes to the second slot.
    const isUnused = isYoung && bytes.subarray(offset, offset + SLOT_SIZE).every((byte) => byte === 0);
    if (isSlotIntact(bytes, offset) || isUnused) continue;
    const problem = 'a slot of the checkpoint is damaged; the other one is used';
    yield { file, offset, length: SLOT_SIZE, problem };
  }
}

function* verifyJson(disk: Disk, file: string): Generator<StoreFinding> {
  try {
    readCheckedJson(disk, file);
  } catch (error) {
    const length = readFileSync(disk, file)?.length ?? 0;
    yield { file, offset: 0, length, problem: `${errorText(error)}; the broker refuses to start` };
  }
}

function droppedTopics(disk: Disk, directory: string): ReadonlyMap<string, number> {
  try {
    return readDroppedTopics(disk, join(directory, 'dropped-topics.json'));
  } catch {
    return new Map();
  }
}

function verifyLog(
  segments: ReadOnlySegments,
  checkpoint: CheckpointState | undefined,
  dropped: ReadonlyMap<string, number>,
): { log: VerifiedLog; findings: StoreFinding[] } {
  const findings: StoreFinding[] = [];
  const newest = new Map<string, number>();
  const durable = durableEnd(checkpoint);
  const report = (start: number, end: number, problem: string): void => {
    for (const place of segments.locate(start, end)) findings.push({ ...place, problem });
  };
  const scanner = new LogScanner(segments, (bytes, from, to, _header, payloadOffset) => {
    for (let at = from; at < to;) {
      const position = payloadOffset + at - from;
      const fault = recordFault(bytes, at, to, position);
      if (fault.problem !== undefined) report(position, position + fault.size, fault.problem);
      else if (position < durable.offset) note(newest, bytes, at, to, position, dropped);
      at += fault.size;
    }
  });
  const scan = scanner.scan(segments.start, undefined, durable);
  for (const { start, end } of scan.damaged)
    report(start, end, 'damaged: messages in it are lost, those behind it are not');
  for (const { start, end } of scan.unreadableEnds)
    report(start, end, 'damaged: the end of a segment, without messages');
  return { log: { segments, end: scan.end.offset, newest }, findings };
}

function recordFault(
  bytes: Buffer,
  at: number,
  end: number,
  position: number,
): { problem?: string; size: number } {
  try {
    const { totalSize, bodyAt, bodySize } = layoutRecord(bytes, at, end);
    const bodyCrc = crc32(bytes.subarray(bodyAt, bodyAt + bodySize)) & 0x7fffffff;
    if (bodyCrc !== getInt32(bytes, at + RecordField.BODY_CRC))
      return { problem: 'checksum of the body is wrong', size: totalSize };
    if (getInt64(bytes, at + RecordField.PHYSICAL_OFFSET) !== position) {
      return { problem: 'the record belongs to another place', size: totalSize };
    }
    return { size: totalSize };
  } catch (error) {
    return { problem: errorText(error), size: end - at };
  }
}

function note(
  newest: Map<string, number>,
  bytes: Buffer,
  at: number,
  end: number,
  position: number,
  dropped: ReadonlyMap<string, number>,
): void {
  const { topicAt, topicSize } = layoutRecord(bytes, at, end);
  const topic = bytes.toString('utf8', topicAt, topicAt + topicSize);
  if (position < (dropped.get(topic) ?? 0)) return;
  const name = `${topic}/${getInt32(bytes, at + RecordField.QUEUE_ID)}`;
  newest.set(name, Math.max(newest.get(name) ?? -1, getInt64(bytes, at + RecordField.QUEUE_OFFSET)));
}
