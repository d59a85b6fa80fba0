import type { LogEnd } from './commit-log.ts';
import type { FrameHeader } from './log-frame.ts';
import {
  FRAME_ALIGNMENT,
  FRAME_HEADER_SIZE,
  FrameKind,
  frameSize,
  isPayloadIntact,
  readFrameHeader,
  sealFrame,
} from './log-frame.ts';
import type { LogSegment, SegmentSource } from './log-segment.ts';

/** A stretch of the log that was durable once and can't be read now. */
export interface DamagedRange {
  readonly start: number;
  readonly end: number;
}

export interface LogScan {
  readonly end: LogEnd;
  readonly newestEpoch: number;
  /** How far the log is known to have been durable before: what lies between it and the end may only seem to be on the disk. */
  readonly syncedOffset: number;
  readonly damaged: readonly DamagedRange[];
  /** Ends of segments that can't be read; no message is in them. */
  readonly unreadableEnds: readonly DamagedRange[];
  readonly frames: number;
  readonly scannedBytes: number;
}

/** Gets the payload of each whole frame, in order. `bytes` is valid during the call only. */
export type FrameVisitor = (
  bytes: Buffer,
  start: number,
  end: number,
  header: FrameHeader,
  payloadOffset: number,
) => void;

/** Read ahead this much; a larger frame is read as a whole. */
const WINDOW_SIZE = 4 * 1024 * 1024;
/** Frames that one sync may be behind the log, at the end of a segment. */
const BORDERS_MAX = 64;
/** No frame is larger: a record has at most a little more than 4 MiB, and frames are written early. */
const PAYLOAD_SIZE_MAX = 8 * 1024 * 1024;

/**
 * Follows the chain of frames from `start` to the end of the log. A bad frame is the torn tail of a crash, unless a
 * later frame says that the place had been durable: then it is damage, which is reported and stepped over, and what
 * follows it stays readable.
 */
export class LogScanner {
  readonly #segments: SegmentSource;
  readonly #visit: FrameVisitor;
  readonly #onDamage: () => void;
  readonly #damaged: DamagedRange[] = [];
  readonly #unreadableEnds: DamagedRange[] = [];
  #window = Buffer.alloc(0);
  #windowAt = 0;
  #windowSize = 0;
  /** Where the newest frames begin: a sync reached up to one of them. */
  readonly #borders: number[] = [];
  #newestEpoch = 0;
  #syncedOffset = 0;
  #frames = 0;
  #scannedBytes = 0;

  /** `onDamage` is called before the first frame behind a damaged range is visited. */
  constructor(segments: SegmentSource, visit: FrameVisitor, onDamage: () => void = () => undefined) {
    this.#segments = segments;
    this.#onDamage = onDamage;
    this.#visit = visit;
  }

  /**
   * `link` undefined accepts any frame at `start`: the frames before it are gone. `durable` is where the log is known
   * to have been durable up to, for instance by the checkpoint: nothing before it is a torn tail.
   */
  scan(start: number, link: number | undefined, durable: LogEnd): LogScan {
    let offset = start;
    let previous = link;
    for (;;) {
      const header = this.#frameAt(offset);
      if (header !== undefined && (previous === undefined || header.previousLink === previous)) {
        offset = this.#accept(header);
        previous = header.link;
        continue;
      }
      // Before damage is thought of: a start that went on behind a torn end leaves it as it is, for later starts as well.
      const behind = previous === undefined ? undefined : this.#frameBehindEnd(offset, previous);
      if (behind !== undefined) {
        this.#unreadableEnds.push({ start: offset, end: behind.baseOffset });
        offset = behind.baseOffset;
        previous = behind.previousLink;
        continue;
      }
      const next = this.#laterFrame(offset + FRAME_ALIGNMENT, offset)?.baseOffset;
      if (next === undefined && offset >= durable.offset) break;
      const end = next ?? durable.offset;
      this.#damaged.push({ start: offset, end });
      this.#onDamage();
      offset = end;
      previous = next === undefined ? durable.link : undefined;
    }
    return {
      end: { offset, link: previous ?? 0 },
      newestEpoch: this.#newestEpoch,
      syncedOffset: Math.max(this.#syncedOffset, durable.offset),
      damaged: this.#damaged,
      unreadableEnds: this.#unreadableEnds,
      frames: this.#frames,
      scannedBytes: this.#scannedBytes,
    };
  }

  /** Positions behind `end` where a stale frame could be mistaken for a part of the log later. */
  staleFrames(end: number): number[] {
    const stale: number[] = [];
    for (let offset = end; ; offset += FRAME_ALIGNMENT) {
      const frame = this.#findHeader(offset);
      if (frame === undefined) return stale;
      stale.push(frame.baseOffset);
      offset = frame.baseOffset;
    }
  }

  /**
   * The end of a segment carries no messages, so the log goes on behind one that can't be read when the next segment's
   * first frame names it: everything else in it is known.
   */
  #frameBehindEnd(place: number, previousLink: number): FrameHeader | undefined {
    const segment = this.#segments.find(place);
    const next = segment === undefined ? undefined : this.#frameAt(segment.base + this.#segments.segmentSize);
    if (next === undefined) return undefined;
    const { epoch } = next;
    const end = {
      baseOffset: place,
      payloadSize: 0,
      recordCount: 0,
      previousLink,
      epoch,
      kind: FrameKind.SEGMENT_END,
    };
    const bytes = Buffer.alloc(FRAME_ALIGNMENT);
    const isNamed = [next.syncedOffset, ...this.#borders].some(
      (syncedOffset) => sealFrame(bytes, 0, { ...end, syncedOffset }) === next.previousLink,
    );
    return isNamed ? next : undefined;
  }

  #accept(header: FrameHeader): number {
    this.#frames++;
    this.#borders.push(header.baseOffset);
    if (this.#borders.length > BORDERS_MAX) this.#borders.shift();
    this.#newestEpoch = Math.max(this.#newestEpoch, header.epoch);
    this.#syncedOffset = Math.max(this.#syncedOffset, header.syncedOffset);
    const size = frameSize(header.payloadSize);
    this.#scannedBytes += size;
    if (header.kind === FrameKind.SEGMENT_END) {
      const segment = this.#segments.find(header.baseOffset);
      return (segment?.base ?? 0) + this.#segments.segmentSize;
    }
    const payloadAt = header.baseOffset - this.#windowAt + FRAME_HEADER_SIZE;
    const payloadOffset = header.baseOffset + FRAME_HEADER_SIZE;
    this.#visit(this.#window, payloadAt, payloadAt + header.payloadSize, header, payloadOffset);
    return header.baseOffset + size;
  }

  /** The whole and intact frame at a log position, with the window holding all of it. */
  #frameAt(offset: number): FrameHeader | undefined {
    const segment = this.#segments.find(offset);
    if (segment === undefined || !this.#load(segment, offset, FRAME_HEADER_SIZE)) return undefined;
    const header = readFrameHeader(this.#window, offset - this.#windowAt, offset);
    if (header === undefined || header.payloadSize > PAYLOAD_SIZE_MAX) return undefined;
    if (!this.#load(segment, offset, frameSize(header.payloadSize))) return undefined;
    return isPayloadIntact(this.#window, offset - this.#windowAt, header) ? header : undefined;
  }

  /** The next intact frame from `from` on that proves that `place` was durable when it was written. */
  #laterFrame(from: number, place: number): FrameHeader | undefined {
    for (let offset = from; ; offset += FRAME_ALIGNMENT) {
      const header = this.#findHeader(offset);
      if (header === undefined) return undefined;
      offset = header.baseOffset;
      if (header.syncedOffset > place && this.#frameAt(offset) !== undefined) return header;
    }
  }

  /** The next header from `from` on that belongs to its place, looking through this and all later segments. */
  #findHeader(from: number): FrameHeader | undefined {
    for (let offset = from; ;) {
      const segment = this.#segments.find(offset);
      if (segment === undefined) return undefined;
      const segmentEnd = segment.base + this.#segments.segmentSize;
      for (
        ;
        offset < segmentEnd && this.#load(segment, offset, FRAME_HEADER_SIZE);
        offset += FRAME_ALIGNMENT
      ) {
        const header = readFrameHeader(this.#window, offset - this.#windowAt, offset);
        if (header !== undefined) return header;
      }
      offset = segmentEnd;
    }
  }

  /** Makes the window hold [offset, offset + size) of the segment; false when the segment ends before. */
  #load(segment: LogSegment, offset: number, size: number): boolean {
    if (offset >= this.#windowAt && offset + size <= this.#windowAt + this.#windowSize) return true;
    const left = segment.base + this.#segments.segmentSize - offset;
    if (left < size) return false;
    const wanted = Math.min(left, Math.max(size, WINDOW_SIZE));
    if (this.#window.length < wanted) {
      const largest = Math.max(size, Math.min(WINDOW_SIZE, this.#segments.segmentSize));
      this.#window = Buffer.allocUnsafeSlow(largest);
    }
    this.#windowAt = offset;
    this.#windowSize = segment.file.readSync(this.#window, 0, wanted, offset - segment.base);
    return this.#windowSize >= size;
  }
}
