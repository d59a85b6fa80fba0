import { MqError } from '@cometmq/common/error/mq-error';
import { FRAME_PREFIX_SIZE, FRAME_SIZE_MAX, HEADER_SIZE_MAX } from './frame.ts';

/**
 * Receives one whole frame. `bytes` is valid during the call only; the header lies at
 * [headerStart, headerEnd), the body at [headerEnd, frameEnd).
 */
export type FrameSink = (
  bytes: Buffer,
  type: number,
  headerStart: number,
  headerEnd: number,
  frameEnd: number,
) => void;

/** Bytes of the length field. */
const LENGTH_SIZE = 4;
/** An unfinished frame's buffer starts with this much and doubles up to the announced size, as bytes arrive. */
const PENDING_SIZE_MIN = 4096;

/** What the unfinished frames of all connections of a server may take together. */
export class ReceiveBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes `bytes`, or gives them back when negative. @throws MqError `SYSTEM_BUSY` when they are not there. */
  take(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      throw new MqError('SYSTEM_BUSY', `unfinished frames of all connections take ${this.#bytes} bytes`);
    }
    this.#bytes += bytes;
  }
}

/**
 * Cuts a byte stream into frames. Whole frames are handed over in place; only an unfinished one is copied, into a
 * buffer that grows with the bytes that came, so that a lying length allocates nothing.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #budget: ReceiveBudget | undefined;
  #pending: Buffer | undefined;
  #pendingSize = 0;
  /** Whole size of the unfinished frame, 0 while its length field is incomplete. */
  #wanted = 0;

  constructor(sink: FrameSink, budget?: ReceiveBudget) {
    this.#sink = sink;
    this.#budget = budget;
  }

  /** The stream is over: gives up the unfinished frame. */
  close(): void {
    this.#budget?.take(-(this.#pending?.length ?? 0));
    this.#pending = undefined;
  }

  /** Bytes held of a frame that is not complete. */
  get pendingBytes(): number {
    return this.#pendingSize;
  }

  /**
   * @throws MqError `PROTOCOL` when a length is out of bounds; the stream can't be read further. Whatever `sink` throws
   * passes through.
   */
  feed(chunk: Buffer): void {
    let position = this.#pendingSize === 0 ? 0 : this.#complete(chunk);
    while (chunk.length - position >= FRAME_PREFIX_SIZE) {
      const size = frameSize(chunk, position);
      if (position + size > chunk.length) break;
      this.#emit(chunk, position, size);
      position += size;
    }
    if (position < chunk.length) this.#keep(chunk, position, chunk.length);
  }

  /** Completes the unfinished frame from the chunk's start; returns where the next frame begins. */
  #complete(chunk: Buffer): number {
    let position = 0;
    if (this.#wanted === 0) {
      position = Math.min(FRAME_PREFIX_SIZE - this.#pendingSize, chunk.length);
      this.#keep(chunk, 0, position);
      if (this.#pendingSize < FRAME_PREFIX_SIZE) return position;
    }
    const missing = this.#wanted - this.#pendingSize;
    const taken = Math.min(missing, chunk.length - position);
    this.#keep(chunk, position, position + taken);
    position += taken;
    if (this.#pendingSize === this.#wanted && this.#pending !== undefined) {
      const frame = this.#pending;
      const size = this.#wanted;
      this.close();
      this.#pendingSize = 0;
      this.#wanted = 0;
      this.#emit(frame, 0, size);
    }
    return position;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const size = this.#pendingSize + end - start;
    this.#grow(size);
    if (this.#pending !== undefined) chunk.copy(this.#pending, this.#pendingSize, start, end);
    this.#pendingSize = size;
    if (this.#wanted !== 0 || this.#pending === undefined) return;
    if (size >= FRAME_PREFIX_SIZE) this.#wanted = frameSize(this.#pending, 0);
    else if (size >= LENGTH_SIZE) checkedLength(this.#pending, 0);
  }

  #grow(size: number): void {
    const present = this.#pending?.length ?? 0;
    if (size <= present) return;
    const wanted = Math.max(PENDING_SIZE_MIN, size, Math.min(present * 2, FRAME_SIZE_MAX + 4));
    this.#budget?.take(wanted - present);
    const grown = Buffer.allocUnsafe(wanted);
    this.#pending?.copy(grown, 0, 0, this.#pendingSize);
    this.#pending = grown;
  }

  #emit(bytes: Buffer, position: number, size: number): void {
    const type = bytes[position + 4] ?? 0;
    const headerStart = position + FRAME_PREFIX_SIZE;
    const headerEnd = headerStart + bytes.readUIntBE(position + 5, 3);
    this.#sink(bytes, type, headerStart, headerEnd, position + size);
  }
}

/** The length field of the frame that begins at `position`. */
function checkedLength(bytes: Buffer, position: number): number {
  const length = bytes.readInt32BE(position);
  if (length < 4 || length > FRAME_SIZE_MAX) {
    throw new MqError('PROTOCOL', `frame length ${length} is not in [4, ${FRAME_SIZE_MAX}]`);
  }
  return length;
}

/** Whole size of the frame that begins at `position`, from its eight prefix bytes. */
function frameSize(bytes: Buffer, position: number): number {
  const length = checkedLength(bytes, position);
  const headerSize = bytes.readUIntBE(position + 5, 3);
  if (headerSize > length - 4 || headerSize > HEADER_SIZE_MAX) {
    throw new MqError('PROTOCOL', `header length ${headerSize} exceeds the frame or ${HEADER_SIZE_MAX}`);
  }
  return length + 4;
}
