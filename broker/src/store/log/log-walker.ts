import {
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  RECORD_SIZE_MIN,
  RecordField,
} from '@cometmq/common/message/record-layout';
import { getInt32, getInt64 } from '../bytes.ts';
import { FRAME_ALIGNMENT, FRAME_HEADER_SIZE, FrameKind, readFrameHeader } from './log-frame.ts';
import type { SegmentSource } from './log-segment.ts';

/** A record of the log. `bytes` is valid until the next one is asked for. */
export interface WalkedRecord {
  readonly physicalOffset: number;
  readonly bytes: Buffer;
}

const WINDOW_SIZE = 1024 * 1024;
const RECORD_SIZE_MAX = 8 * 1024 * 1024;

/**
 * Reads the records of the log one after the other, off the event loop and from any record or frame on. Steps over what
 * is neither, so that it gets past damaged places. What looks like a record may be damaged: who depends on it asks
 * `FrameCheck`.
 */
export class LogWalker {
  readonly #segments: SegmentSource;
  #window = Buffer.alloc(0);
  #windowAt = 0;
  #windowSize = 0;

  constructor(segments: SegmentSource) {
    this.#segments = segments;
  }

  async *records(from: number, end: number): AsyncGenerator<WalkedRecord> {
    for (let at = from; at < end;) {
      const segment = this.#segments.find(at);
      if (segment === undefined) return;
      const segmentEnd = segment.base + this.#segments.segmentSize;
      const head = await this.#bytes(at, Math.min(RECORD_SIZE_MIN, segmentEnd - at));
      if (head === undefined) return;
      const frame = at % FRAME_ALIGNMENT === 0 ? readFrameHeader(head, 0, at) : undefined;
      if (frame !== undefined) {
        at = frame.kind === FrameKind.SEGMENT_END ? segmentEnd : at + FRAME_HEADER_SIZE;
        continue;
      }
      const size = recordSize(head, at);
      const bytes = size === undefined || at + size > segmentEnd ? undefined : await this.#bytes(at, size);
      if (bytes === undefined) {
        // A damaged header may still have its records behind it.
        at = at % FRAME_ALIGNMENT === 0 ? at + FRAME_HEADER_SIZE : nextSector(at);
        continue;
      }
      yield { physicalOffset: at, bytes };
      at += bytes.length;
    }
  }

  async #bytes(at: number, size: number): Promise<Buffer | undefined> {
    if (at < this.#windowAt || at + size > this.#windowAt + this.#windowSize) {
      const segment = this.#segments.find(at);
      if (segment === undefined) return undefined;
      const wanted = Math.min(Math.max(size, WINDOW_SIZE), segment.base + this.#segments.segmentSize - at);
      if (this.#window.length < wanted) this.#window = Buffer.allocUnsafeSlow(wanted);
      this.#windowAt = at;
      this.#windowSize = await segment.file.read(this.#window, 0, wanted, at - segment.base);
      if (this.#windowSize < size) return undefined;
    }
    return this.#window.subarray(at - this.#windowAt, at - this.#windowAt + size);
  }
}

function nextSector(at: number): number {
  return (Math.floor(at / FRAME_ALIGNMENT) + 1) * FRAME_ALIGNMENT;
}

/** Size of the record that says it belongs to this place. */
function recordSize(head: Buffer, at: number): number | undefined {
  if (head.length < RECORD_SIZE_MIN) return undefined;
  const magic = getInt32(head, RecordField.MAGIC);
  const size = getInt32(head, RecordField.TOTAL_SIZE);
  const isRecord = magic === RECORD_MAGIC_V1 || magic === RECORD_MAGIC_V2;
  if (!isRecord || getInt64(head, RecordField.PHYSICAL_OFFSET) !== at) return undefined;
  return size >= RECORD_SIZE_MIN && size <= RECORD_SIZE_MAX ? size : undefined;
}
