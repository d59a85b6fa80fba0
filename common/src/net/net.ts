/** One end of a connected byte stream (TCP, TLS, or an in-memory pair in tests). */
export interface ByteStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Bytes handed to `write` that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /** Queues bytes in order. The buffer must not be changed afterwards. */
  write(bytes: Uint8Array): void;
  /** Stops delivery of `data` until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** What the owner of a stream is told. */
export interface ByteStreamHandler {
  /** `chunk` is valid during the call only: the buffer is reused for the next read of any stream. */
  data(chunk: Buffer): void;
  /** All queued bytes were taken by the operating system. */
  drained(): void;
  /** Called exactly once. */
  closed(error: Error | undefined): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting. Open streams stay open. */
  close(): Promise<void>;
}

/** The network as servers and clients see it. */
export interface Net {
  /** Rejects when the address can't be bound. */
  listen(options: ListenOptions, accept: (stream: ByteStream) => ByteStreamHandler): Promise<Listener>;
  /** Rejects when the connection is not there within `timeoutMs`. */
  connect(
    host: string,
    port: number,
    timeoutMs: number,
    accept: (stream: ByteStream) => ByteStreamHandler,
  ): Promise<void>;
}
