import type { Logger } from '@cometmq/common/logging/logger';
import { errorText } from '@cometmq/common/error/mq-error';
import type { FrameHeader } from './log-frame.ts';
import {
  FRAME_ALIGNMENT,
  FRAME_HEADER_SIZE,
  frameSize,
  isPayloadIntact,
  readFrameHeader,
} from './log-frame.ts';
import type { LogSegment } from './log-segment.ts';

/** Read at once while the header of a frame is looked for. */
const WINDOW_SIZE = 32 * 1024;
/** No frame is larger. */
const FRAME_SIZE_MAX = 8 * 1024 * 1024;
/** Segments whose checked sectors are remembered: a bit for each, 256 KiB for a segment of 1 GiB. */
const SEGMENTS_MAX = 16;
/** Damaged places that are remembered, so that each is logged once. */
const REPORTED_MAX = 1_000;

/**
 * Checks what is read from the log's files against the checksum of its frame, which covers every byte; a record's own
 * covers the body only. Each frame is checked once: after a clean stop nothing else has looked at it.
 */
export class FrameCheck {
  readonly #segmentSize: number;
  readonly #log: Logger;
  /** By segment, one bit for each sector of a frame that was good. */
  readonly #checked = new Map<LogSegment, Uint8Array>();
  readonly #reported = new Set<number>();
  #window = Buffer.alloc(0);

  constructor(segmentSize: number, log: Logger) {
    this.#segmentSize = segmentSize;
    this.#log = log;
  }

  /** True when the frame around a log position is what was written. */
  isIntact(segment: LogSegment, offset: number): boolean {
    const sector = Math.floor((offset - segment.base) / FRAME_ALIGNMENT);
    const checked = this.#checkedSectors(segment);
    if (((checked[sector >> 3] ?? 0) & (1 << (sector & 7))) !== 0) return true;
    let reason = 'its checksum is wrong';
    try {
      const header = this.#frameAround(segment, segment.base + sector * FRAME_ALIGNMENT);
      if (header !== undefined) {
        const first = (header.baseOffset - segment.base) / FRAME_ALIGNMENT;
        const end = first + frameSize(header.payloadSize) / FRAME_ALIGNMENT;
        for (let at = first; at < end; at++) checked[at >> 3] = (checked[at >> 3] ?? 0) | (1 << (at & 7));
        return true;
      }
    } catch (error) {
      reason = errorText(error);
    }
    this.#report(segment.base + sector * FRAME_ALIGNMENT, reason);
    return false;
  }

  #checkedSectors(segment: LogSegment): Uint8Array {
    let checked = this.#checked.get(segment);
    if (checked === undefined) {
      const [oldest] = this.#checked.keys();
      if (this.#checked.size === SEGMENTS_MAX && oldest !== undefined) this.#checked.delete(oldest);
      checked = new Uint8Array(Math.ceil(this.#segmentSize / FRAME_ALIGNMENT / 8));
      this.#checked.set(segment, checked);
    }
    return checked;
  }

  /** The intact frame that holds the sector at `offset`, looked for backwards. */
  #frameAround(segment: LogSegment, offset: number): FrameHeader | undefined {
    const oldest = Math.max(segment.base, offset - FRAME_SIZE_MAX);
    for (let end = offset + FRAME_ALIGNMENT; end > oldest;) {
      const start = Math.max(oldest, end - WINDOW_SIZE);
      this.#load(segment, start, end - start);
      for (let at = end - FRAME_ALIGNMENT; at >= start; at -= FRAME_ALIGNMENT) {
        const header = readFrameHeader(this.#window, at - start, at);
        if (header === undefined) continue;
        const size = frameSize(header.payloadSize);
        if (at + size <= offset || at + size > segment.base + this.#segmentSize) continue;
        // Else the bytes of a message that look like a header, or a damaged frame: loaded again when it is neither.
        if (this.#isFrameIntact(segment, header, size)) return header;
        this.#load(segment, start, end - start);
      }
      end = start;
    }
    return undefined;
  }

  #isFrameIntact(segment: LogSegment, header: FrameHeader, size: number): boolean {
    if (size > FRAME_SIZE_MAX + FRAME_HEADER_SIZE) return false;
    return this.#load(segment, header.baseOffset, size) === size && isPayloadIntact(this.#window, 0, header);
  }

  #load(segment: LogSegment, offset: number, size: number): number {
    if (this.#window.length < size) this.#window = Buffer.allocUnsafeSlow(Math.max(size, WINDOW_SIZE));
    return segment.file.readSync(this.#window, 0, size, offset - segment.base);
  }

  #report(position: number, reason: string): void {
    if (this.#reported.has(position)) return;
    if (this.#reported.size === REPORTED_MAX) this.#reported.clear();
    this.#reported.add(position);
    this.#log.error(
      { position, reason },
      'a damaged part of the log can not be read; see comet store verify',
    );
  }
}
