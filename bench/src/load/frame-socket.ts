import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** One receive buffer for all connections: frames are looked at before the next read, what is unfinished is copied. */
const RECEIVE_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);
const EMPTY = Buffer.alloc(0);

export interface FrameListener {
  /** The frame lies in [start, end) of `bytes` and is valid during the call only. */
  frame(bytes: Buffer, start: number, end: number): void;
  /** All frames that one read brought have been handed over. */
  batchEnd(): void;
  closed(reason: string): void;
}

/** A TCP connection that is read frame by frame. */
export class FrameSocket {
  readonly #socket: Socket;
  readonly #listener: FrameListener;
  #rest = EMPTY;
  #isClosing = false;

  private constructor(port: number, listener: FrameListener) {
    this.#listener = listener;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: RECEIVE_BUFFER, callback: (size, buffer) => this.#read(buffer as Buffer, size) },
    });
  }

  /** @throws Error when nobody listens. */
  static async open(port: number, listener: FrameListener): Promise<FrameSocket> {
    const self = new FrameSocket(port, listener);
    await new Promise<void>((resolve, reject) => {
      self.#socket.once('connect', resolve);
      self.#socket.once('error', reject);
    });
    let reason = 'the server closed the connection';
    self.#socket.on('error', (error) => {
      reason = error.message;
    });
    self.#socket.on('close', () => {
      if (!self.#isClosing) listener.closed(reason);
    });
    return self;
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #read(buffer: Buffer, size: number): boolean {
    const received = buffer.subarray(0, size);
    const bytes = this.#rest.length === 0 ? received : Buffer.concat([this.#rest, received]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      this.#listener.frame(bytes, at, end);
      at = end;
    }
    this.#rest = at === bytes.length ? EMPTY : Buffer.from(bytes.subarray(at));
    this.#listener.batchEnd();
    return true;
  }
}
