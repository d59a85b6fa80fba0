/** A stretch of the log in memory. */
export interface TailChunk {
  /** Log position of the first byte. */
  readonly base: number;
  readonly bytes: Buffer;
  /** Bytes in use. */
  size: number;
}

/**
 * The newest part of the log in memory: what is being written, and what readers at the tail ask for. Old chunks are
 * reused for new ones, so memory stays the same however long the broker runs.
 */
export class LogTail {
  readonly #chunkSize: number;
  readonly #chunksMax: number;
  readonly #chunks: TailChunk[] = [];
  #free: Buffer | undefined;

  constructor(chunkSize: number, chunksMax: number) {
    this.#chunkSize = chunkSize;
    this.#chunksMax = chunksMax;
  }

  /** Starts a chunk at a log position. All that was appended before must have been written to the disk. */
  push(base: number): TailChunk {
    if (this.#chunks.length === this.#chunksMax) this.#free = this.#chunks.shift()?.bytes;
    const chunk = { base, bytes: this.#free ?? Buffer.allocUnsafeSlow(this.#chunkSize), size: 0 };
    this.#free = undefined;
    this.#chunks.push(chunk);
    return chunk;
  }

  /** The chunk that holds [offset, offset + size), or undefined when it is only on disk. */
  find(offset: number, size: number): TailChunk | undefined {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const chunk = this.#chunks[index];
      if (chunk !== undefined && offset >= chunk.base) {
        return offset + size <= chunk.base + chunk.size ? chunk : undefined;
      }
    }
    return undefined;
  }
}
