import type { Logger } from '@cometmq/common/logging/logger';
import { FRAME_HEADER_SIZE } from './log-frame.ts';
import { LogScanner } from './log-recovery.ts';
import type { SegmentSource } from './log-segment.ts';
import type { LogSegments } from './log-segments.ts';
import { segmentName } from './segment-file.ts';

/** Makes sure that nothing behind the end can be taken for a part of the log later. */
export async function cutBehind(log: Logger, segments: LogSegments, end: number): Promise<void> {
  if (segments.find(end) === undefined) await addSegment(log, segments, end);
  blank(log, segments, end);
  const last = segments.find(end);
  if (last === undefined || segments.last === last) return;
  // Durable before the files behind it go: else the log could end with a gap.
  await last.file.datasync();
  await segments.removeBehind(last);
}

/** The log ends exactly with a segment, and the next one's name did not survive. Its frames may have, in the spare. */
async function addSegment(log: Logger, segments: LogSegments, base: number): Promise<void> {
  const { spare, segmentSize } = segments;
  if (spare === undefined) {
    await segments.createFirst(base, segmentSize);
    return;
  }
  // They go before the file has its name: else a crash now would make them a part of the log after all.
  const named = { base, file: spare };
  const find: SegmentSource['find'] = (at) => (at >= base && at < base + segmentSize ? named : undefined);
  blank(log, { segmentSize, find }, base);
  await spare.datasync();
  await segments.appendSpare(base).named;
}

function blank(log: Logger, segments: SegmentSource, end: number): void {
  const stale = new LogScanner(segments, () => undefined).staleFrames(end);
  if (stale.length === 0) return;
  const fields = { end, frames: stale.length, file: segmentName(segments.find(end)?.base ?? end) };
  log.warn(fields, 'the log was cut behind a torn write: what follows it was never durable');
  const zeros = Buffer.alloc(FRAME_HEADER_SIZE);
  for (const position of stale) {
    const segment = segments.find(position);
    segment?.file.writeSync(zeros, 0, zeros.length, position - segment.base);
  }
}
