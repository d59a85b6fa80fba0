import { errorText } from '@cometmq/common/error/mq-error';
import type { LogDamage } from '../damage-ledger.ts';
import type { FrameHeader } from './log-frame.ts';
import {
  FRAME_ALIGNMENT,
  FRAME_HEADER_SIZE,
  frameSize,
  isPayloadIntact,
  readFrameHeader,
} from './log-frame.ts';
import type { LogSegment } from './log-segment.ts';
import { segmentName } from './segment-file.ts';

/** Read at once while the header of a frame is looked for. */
const WINDOW_SIZE = 32 * 1024;
/** No frame is larger. */
const FRAME_SIZE_MAX = 8 * 1024 * 1024;
/**
 * Segments whose checked sectors are remembered: a bit for each, 64 KiB for a segment of 256 MiB. All of a log of 64 GiB:
 * timed messages are read in the order of their due times, from everywhere in the log, and a frame that is checked for
 * each of its messages again costs a hundred times the read.
 */
const SEGMENTS_MAX = 256;

/** Who is told of damage, and remembers where it is. */
export interface DamageListener {
  covers(position: number): boolean;
  range(damage: LogDamage): void;
  unreadable(position: number, reason: string): void;
}

/**
 * Checks what is read from the log's files against the checksum of its frame, which covers every byte; a record's own
 * covers the body only. Each frame is checked once: after a clean stop nothing else has looked at it.
 */
export class FrameCheck {
  readonly #segmentSize: number;
  readonly #damage: DamageListener;
  /** By segment, one bit for each sector of a frame that was good. */
  readonly #checked = new Map<LogSegment, Uint8Array>();
  /** Who reads on asks for the frame behind it next. */
  #lastGood: FrameHeader | undefined;
  #window = Buffer.alloc(0);

  constructor(segmentSize: number, damage: DamageListener) {
    this.#segmentSize = segmentSize;
    this.#damage = damage;
  }

  /** True when the frame around a log position is what was written, in the place where it was written. */
  isIntact(segment: LogSegment, offset: number): boolean {
    const sector = Math.floor((offset - segment.base) / FRAME_ALIGNMENT);
    const checked = this.#checkedSectors(segment);
    if (((checked[sector >> 3] ?? 0) & (1 << (sector & 7))) !== 0) return true;
    const start = segment.base + sector * FRAME_ALIGNMENT;
    // What is damaged stays so; looking for its frame again would cost every reader the same.
    if (this.#damage.covers(start)) return false;
    try {
      const header = this.#frameAround(segment, start);
      if (header === undefined) {
        this.#report(segment, this.#boundsAround(segment, start), 'its checksum is wrong');
        return false;
      }
      const end = header.baseOffset + frameSize(header.payloadSize);
      if (!this.#isLinked(segment, header)) {
        this.#report(segment, { start: header.baseOffset, end }, 'it does not belong between its neighbours');
        return false;
      }
      this.#lastGood = header;
      const last = (end - segment.base) / FRAME_ALIGNMENT;
      for (let at = (header.baseOffset - segment.base) / FRAME_ALIGNMENT; at < last; at++)
        checked[at >> 3] = (checked[at >> 3] ?? 0) | (1 << (at & 7));
      return true;
    } catch (error) {
      this.#damage.unreadable(offset, errorText(error));
      return false;
    }
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
    return this.#frameBefore(segment, offset + FRAME_ALIGNMENT, (end) => end > offset);
  }

  /** The nearest intact frame that begins before `from` and whose end is a wanted one. */
  #frameBefore(
    segment: LogSegment,
    from: number,
    isWanted: (frameEnd: number) => boolean,
  ): FrameHeader | undefined {
    const oldest = Math.max(segment.base, from - FRAME_ALIGNMENT - FRAME_SIZE_MAX);
    for (let end = from; end > oldest;) {
      const start = Math.max(oldest, end - WINDOW_SIZE);
      this.#load(segment, start, end - start);
      for (let at = end - FRAME_ALIGNMENT; at >= start; at -= FRAME_ALIGNMENT) {
        const header = readFrameHeader(this.#window, at - start, at);
        if (header === undefined) continue;
        const size = frameSize(header.payloadSize);
        if (!isWanted(at + size) || at + size > segment.base + this.#segmentSize) continue;
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

  /**
   * False when the frame is whole but from another log: a neighbour does not fit it, and fits its own neighbour. Of two
   * strangers in a row their neighbours are taken for strangers as well, and of more the inner ones are not noticed:
   * `comet store verify` follows all links.
   */
  #isLinked(segment: LogSegment, header: FrameHeader): boolean {
    const next = this.#headerBehind(segment, header);
    if (next !== undefined && next.previousLink !== header.link) {
      const second = this.#headerBehind(segment, next);
      if (second !== undefined) return second.previousLink !== next.link;
      return this.#headerBefore(segment, header)?.link === header.previousLink;
    }
    const before = this.#headerBefore(segment, header);
    if (before === undefined || before.link === header.previousLink) return true;
    const first = this.#headerBefore(segment, before);
    return first !== undefined && first.link !== before.previousLink;
  }

  /** The header of the frame that ends where this one begins. */
  #headerBefore(segment: LogSegment, { baseOffset }: FrameHeader): FrameHeader | undefined {
    const last = this.#lastGood;
    if (last !== undefined && last.baseOffset + frameSize(last.payloadSize) === baseOffset) return last;
    const oldest = Math.max(segment.base, baseOffset - FRAME_SIZE_MAX);
    for (let end = baseOffset; end > oldest;) {
      const start = Math.max(oldest, end - WINDOW_SIZE);
      this.#load(segment, start, end - start);
      for (let at = end - FRAME_ALIGNMENT; at >= start; at -= FRAME_ALIGNMENT) {
        const header = readFrameHeader(this.#window, at - start, at);
        if (header !== undefined && at + frameSize(header.payloadSize) === baseOffset) return header;
      }
      end = start;
    }
    return undefined;
  }

  #headerBehind(segment: LogSegment, { baseOffset, payloadSize }: FrameHeader): FrameHeader | undefined {
    const at = baseOffset + frameSize(payloadSize);
    if (at + FRAME_HEADER_SIZE > segment.base + this.#segmentSize) return undefined;
    this.#load(segment, at, FRAME_HEADER_SIZE);
    return readFrameHeader(this.#window, 0, at);
  }

  /**
   * From the end of the intact frame before a damaged sector to the next header. Without one only the sector is certain
   * to hold messages: what is behind it may be written yet.
   */
  #boundsAround(segment: LogSegment, offset: number): { start: number; end: number } {
    const before = this.#frameBefore(segment, offset, (end) => end <= offset);
    const oldest = Math.max(segment.base, offset - FRAME_SIZE_MAX);
    const start = before === undefined ? oldest : before.baseOffset + frameSize(before.payloadSize);
    const newest = Math.min(segment.base + this.#segmentSize, offset + FRAME_SIZE_MAX);
    for (let at = offset + FRAME_ALIGNMENT; at < newest;) {
      const size = this.#load(segment, at, Math.min(WINDOW_SIZE, newest - at));
      if (size <= 0) break;
      for (let done = 0; done < size; done += FRAME_ALIGNMENT)
        if (readFrameHeader(this.#window, done, at + done) !== undefined) return { start, end: at + done };
      at += size;
    }
    return { start, end: offset + FRAME_ALIGNMENT };
  }

  #load(segment: LogSegment, offset: number, size: number): number {
    if (this.#window.length < size) this.#window = Buffer.allocUnsafeSlow(Math.max(size, WINDOW_SIZE));
    return segment.file.readSync(this.#window, 0, size, offset - segment.base);
  }

  #report(segment: LogSegment, { start, end }: { start: number; end: number }, reason: string): void {
    this.#damage.range({ start, end, file: segmentName(segment.base), reason });
  }
}
