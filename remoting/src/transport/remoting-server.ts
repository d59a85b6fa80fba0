import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import type { Logger } from '@cometmq/common/logging/logger';
import type { ByteStream, ByteStreamHandler, Listener, Net } from '@cometmq/common/net/net';
import { ReceiveBudget } from '../protocol/frame-reader.ts';
import type { RemotingCommand, Reply } from '../protocol/remoting-command.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { FrameHandler, RequestHandler } from './remoting-channel.ts';
import { RemotingChannel } from './remoting-channel.ts';

export interface RemotingServerOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: string;
  /** Connections beyond this many are refused. */
  readonly connectionsMax: number;
}

/** A connection without a byte in either direction for this long is closed (Java: 120 s; clients beat every 30 s). */
const IDLE_MAX_MS = 120_000;
const IDLE_SCAN_MS = 10_000;
/** Frames of all connections that are not complete take at most this together. */
const UNFINISHED_BYTES_MAX = 512 * 1024 * 1024;

/** Accepts RocketMQ remoting connections on one or more ports and hands requests to the handler of their code. */
export class RemotingServer {
  readonly #options: RemotingServerOptions;
  readonly #handlers = new Map<number, RequestHandler>();
  readonly #channels = new Set<RemotingChannel>();
  readonly #closeListeners: ((channel: RemotingChannel) => void)[] = [];
  readonly #listeners: Listener[] = [];
  readonly #receiveBudget = new ReceiveBudget(UNFINISHED_BYTES_MAX);
  #frameHandler: FrameHandler | undefined;
  #idleTimer: Timer | undefined;
  /** Why requests are not served now. */
  #unavailable: string | undefined;

  constructor(options: RemotingServerOptions) {
    this.#options = options;
  }

  get connectionCount(): number {
    return this.#channels.size;
  }

  handle(code: number, handler: RequestHandler): void {
    this.#handlers.set(code, handler);
  }

  /** Until `ready`, requests are told that the server is still starting. */
  notReady(): void {
    this.#unavailable = 'the server is starting, try again';
  }

  ready(): void {
    this.#unavailable = undefined;
  }

  /** Sets the fast path for hot request codes. */
  handleFrames(handler: FrameHandler): void {
    this.#frameHandler = handler;
  }

  onClose(listener: (channel: RemotingChannel) => void): void {
    this.#closeListeners.push(listener);
  }

  /** Listens on a further port and returns it; 0 lets the system choose. */
  async listen(port: number): Promise<number> {
    const { net, host, clock } = this.#options;
    const listener = await net.listen({ host, port }, (stream) => this.#accept(stream));
    this.#listeners.push(listener);
    this.#idleTimer ??= every(clock, IDLE_SCAN_MS, () => {
      this.#closeIdle();
    });
    return listener.port;
  }

  /** Stops accepting, sends what is queued and closes all connections. */
  async close(): Promise<void> {
    this.#idleTimer?.cancel();
    this.#unavailable = 'the server is stopping';
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const channel of this.#channels) channel.end();
  }

  #accept(stream: ByteStream): ByteStreamHandler {
    const { clock, log, connectionsMax } = this.#options;
    const channel = new RemotingChannel(stream, {
      clock,
      log,
      receiveBudget: this.#receiveBudget,
      handleRequest: (request, from) => this.#dispatch(request, from),
      handleFrame: (...frame) => this.#unavailable === undefined && this.#frameHandler?.(...frame) === true,
      onClose: (closed) => {
        this.#channels.delete(closed);
        for (const listener of this.#closeListeners) listener(closed);
      },
    });
    this.#channels.add(channel);
    if (this.#channels.size > connectionsMax) {
      log.warn({ remote: channel.remote, connectionsMax }, 'connection refused: too many connections');
      channel.close();
    }
    return channel;
  }

  #dispatch(
    request: RemotingCommand,
    channel: RemotingChannel,
  ): Reply | undefined | Promise<Reply | undefined> {
    if (this.#unavailable !== undefined) {
      return { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: this.#unavailable };
    }
    const handler = this.#handlers.get(request.code);
    if (handler !== undefined) return handler(request, channel);
    return {
      code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
      remark: ` request type ${request.code} not supported`,
    };
  }

  #closeIdle(): void {
    const limit = this.#options.clock.monotonic() - IDLE_MAX_MS;
    for (const channel of this.#channels) if (channel.lastActiveMs < limit) channel.close();
  }
}

/** Handler of a code that is known but refused, with the reason. */
export function refused(reason: string): RequestHandler {
  return () => ({ code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark: reason });
}
