import type { Clock } from '@cometmq/common/clock/clock';
import type { ByteStream, ByteStreamHandler, ListenOptions, Listener, Net } from '@cometmq/common/net/net';

type Accept = (stream: ByteStream) => ByteStreamHandler;

const LOOPBACK = '127.0.0.1';
const FIRST_EPHEMERAL_PORT = 49_152;

/**
 * A network inside the process. Bytes arrive a turn of the event loop later (plus `latencyMs`), in order. Faults are
 * per listening port: refuse connections, cut them, or swallow their bytes without a word (a half-open connection).
 */
export class MemoryNet implements Net {
  /** One-way delay of every byte and of connecting. */
  latencyMs = 0;
  readonly #clock: Clock;
  readonly #listeners = new Map<number, Accept>();
  readonly #refused = new Set<number>();
  readonly #silent = new Set<number>();
  readonly #links = new Set<Link>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  listen({ port }: ListenOptions, accept: Accept): Promise<Listener> {
    const bound = port === 0 ? this.#nextPort++ : port;
    if (this.#listeners.has(bound)) return Promise.reject(new Error(`EADDRINUSE: port ${bound}`));
    this.#listeners.set(bound, accept);
    return Promise.resolve({
      port: bound,
      close: () => {
        this.#listeners.delete(bound);
        return Promise.resolve();
      },
    });
  }

  async connect(host: string, port: number, timeoutMs: number, accept: Accept): Promise<void> {
    const answered = await new Promise<boolean>((resolve) => {
      if (this.#silent.has(port)) this.#clock.setTimer(timeoutMs, () => resolve(false));
      else this.later(() => resolve(true));
    });
    if (!answered) throw new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`);
    const listener = this.#listeners.get(port);
    if (listener === undefined || this.#refused.has(port))
      throw new Error(`connect ECONNREFUSED ${host}:${port}`);
    const link = new Link(this, port, this.#nextPort++, () => this.#links.delete(link));
    this.#links.add(link);
    link.server.handler = listener(link.server);
    link.client.handler = accept(link.client);
  }

  /** Connections open at a listening port. */
  connectionCount(port: number): number {
    return [...this.#links].filter((link) => link.port === port).length;
  }

  /** New connections are refused; open ones stay. */
  refuse(port: number, refused = true): void {
    if (refused) this.#refused.add(port);
    else this.#refused.delete(port);
  }

  /** Nothing comes through in either direction, and nobody is told. */
  silence(port: number, silent = true): void {
    if (silent) this.#silent.add(port);
    else this.#silent.delete(port);
  }

  isSilent(port: number): boolean {
    return this.#silent.has(port);
  }

  /** Breaks all connections of a listening port. */
  cut(port: number): void {
    for (const link of [...this.#links]) if (link.port === port) link.close(new Error('ECONNRESET'));
  }

  later(run: () => void): void {
    if (this.latencyMs > 0) this.#clock.setTimer(this.latencyMs, run);
    else this.#clock.defer(run);
  }
}

class Link {
  readonly port: number;
  readonly net: MemoryNet;
  readonly client: End;
  readonly server: End;
  readonly #forget: () => void;
  #closed = false;

  constructor(net: MemoryNet, port: number, clientPort: number, forget: () => void) {
    this.net = net;
    this.port = port;
    this.#forget = forget;
    this.client = new End(this, clientPort, port);
    this.server = new End(this, port, clientPort);
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    this.net.later(() => {
      this.client.handler?.closed(error);
      this.server.handler?.closed(error);
    });
  }

  other(end: End): End {
    return end === this.client ? this.server : this.client;
  }
}

class End implements ByteStream {
  readonly remoteAddress = LOOPBACK;
  readonly localAddress = LOOPBACK;
  readonly remotePort: number;
  readonly localPort: number;
  handler: ByteStreamHandler | undefined;
  readonly #link: Link;
  #paused = false;
  #held: Buffer[] = [];

  constructor(link: Link, localPort: number, remotePort: number) {
    this.#link = link;
    this.localPort = localPort;
    this.remotePort = remotePort;
  }

  get bufferedBytes(): number {
    return this.#link.other(this).#held.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  write(bytes: Uint8Array): void {
    const { net, port } = this.#link;
    if (this.#link.closed || net.isSilent(port)) return;
    const chunk = Buffer.from(bytes);
    net.later(() => {
      if (!net.isSilent(port)) this.#link.other(this).#receive(chunk);
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const chunk of held) this.#receive(chunk);
    if (held.length > 0) this.#link.other(this).handler?.drained();
  }

  end(): void {
    if (!this.#link.net.isSilent(this.#link.port)) this.#link.net.later(() => this.#link.close());
  }

  destroy(): void {
    this.#link.close();
  }

  #receive(chunk: Buffer): void {
    if (this.#link.closed) return;
    if (this.#paused) {
      this.#held.push(chunk);
      return;
    }
    this.handler?.data(chunk);
    chunk.fill(0xdd); // whoever kept a view of the receive buffer finds out
  }
}
