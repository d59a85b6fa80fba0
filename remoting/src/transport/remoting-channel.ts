import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { ByteStream, ByteStreamHandler } from '@cometmq/common/net/net';
import { decodeCommand, encodeCommand } from '../protocol/command-codec.ts';
import { errorReply } from '../protocol/error-reply.ts';
import type { ReceiveBudget } from '../protocol/frame-reader.ts';
import { FrameReader } from '../protocol/frame-reader.ts';
import type { RemotingCommand, Reply, Request } from '../protocol/remoting-command.ts';
import { replyCommand, requestCommand } from '../protocol/remoting-command.ts';

/** Handles one request; undefined means that nothing is answered (yet). */
export type RequestHandler = (
  request: RemotingCommand,
  channel: RemotingChannel,
) => Reply | undefined | Promise<Reply | undefined>;

/**
 * A fast path: gets request frames before they are decoded. The bytes are valid during the call only. Returns false to
 * leave the frame to the ordinary handlers.
 */
export type FrameHandler = (
  channel: RemotingChannel,
  bytes: Buffer,
  type: number,
  headerStart: number,
  headerEnd: number,
  frameEnd: number,
) => boolean;

export interface ChannelOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly handleRequest: RequestHandler;
  readonly handleFrame?: FrameHandler | undefined;
  readonly onClose?: (channel: RemotingChannel) => void;
  /** Shared by the connections of a server. */
  readonly receiveBudget?: ReceiveBudget;
}

/** Reading stops while more than this waits to be sent. */
export const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** Reading stops while requests of more than this many bytes are being worked on. */
export const UNANSWERED_BYTES_MAX = 8 * 1024 * 1024;
/** Our own requests on one connection that wait for their answers. */
export const PENDING_REQUESTS_MAX = 65_536;
/** How often waiting requests are looked at for their deadline. */
const DEADLINE_SCAN_MS = 50;
/** Frames of one turn are joined into one write up to this size. */
const JOINED_WRITE_MAX = 1024 * 1024;

/** How long the other side of a connection that we ended may keep it open. */
const LINGER_MS = 500;

interface PendingRequest {
  readonly deadline: number;
  readonly resolve: (response: RemotingCommand) => void;
  readonly reject: (error: Error) => void;
}

/** One connection, over which both sides ask and answer. */
export class RemotingChannel implements ByteStreamHandler {
  readonly stream: ByteStream;
  /** Monotonic time of the last byte in either direction, ms. */
  lastActiveMs: number;
  readonly #options: ChannelOptions;
  readonly #reader: FrameReader;
  readonly #pending = new Map<number, PendingRequest>();
  #deadlineTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;
  /** Starts at 1: some clients take an opaque of 0 for none. */
  #nextOpaque = 1;
  #outgoing: Buffer[] = [];
  #outgoingBytes = 0;
  #unansweredBytes = 0;
  #paused = false;
  #closed = false;

  constructor(stream: ByteStream, options: ChannelOptions) {
    this.stream = stream;
    this.#options = options;
    this.lastActiveMs = options.clock.monotonic();
    this.#reader = new FrameReader((bytes, type, headerStart, headerEnd, frameEnd) => {
      this.#receive(bytes, type, headerStart, headerEnd, frameEnd);
    }, options.receiveBudget);
  }

  /** `address:port` of the other side. */
  get remote(): string {
    return `${this.stream.remoteAddress}:${this.stream.remotePort}`;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** True while the other side does not take what it asked for; answers should not be built for it now. */
  get congested(): boolean {
    return this.stream.bufferedBytes + this.#outgoingBytes > UNSENT_BYTES_MAX;
  }

  /**
   * Asks the other side.
   * @throws MqError `TIMEOUT` without an answer in time, `CONNECTION` when the connection is or gets closed.
   */
  invoke(request: Request, timeoutMs: number): Promise<RemotingCommand> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (this.#pending.size >= PENDING_REQUESTS_MAX) {
      return Promise.reject(new MqError('SYSTEM_BUSY', `too many requests wait for ${this.remote}`));
    }
    const opaque = this.#opaque();
    return new Promise((resolve, reject) => {
      const deadline = this.#options.clock.monotonic() + timeoutMs;
      this.#pending.set(opaque, { deadline, resolve, reject });
      this.#armDeadlines();
      this.send(encodeCommand(requestCommand(request, opaque, false)));
    });
  }

  /** Tells the other side something that it must not answer. */
  invokeOneway(request: Request): void {
    this.send(encodeCommand(requestCommand(request, this.#opaque(), true)));
  }

  /** Answers a request. Nothing is sent for a one-way request or on a closed connection. */
  reply(request: Pick<RemotingCommand, 'opaque' | 'oneway' | 'serialize'>, reply: Reply): void {
    if (!request.oneway) this.send(encodeCommand(replyCommand(reply, request.opaque, request.serialize)));
  }

  /** Sends frames in order; those of one turn of the event loop leave in one write. */
  send(frame: Buffer): void {
    if (this.#closed) return;
    this.#outgoing.push(frame);
    this.#outgoingBytes += frame.length;
    if (this.#outgoing.length === 1) {
      this.#options.clock.defer(() => {
        this.flush();
      });
    }
  }

  /** Writes what `send` collected. */
  flush(): void {
    const frames = this.#outgoing;
    if (frames.length === 0 || this.#closed) return;
    const size = this.#outgoingBytes;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.lastActiveMs = this.#options.clock.monotonic();
    if (frames.length > 1 && size <= JOINED_WRITE_MAX) this.stream.write(Buffer.concat(frames, size));
    else for (const frame of frames) this.stream.write(frame);
    this.#regulate();
  }

  /** Accounts for a request that is being worked on outside `handleRequest`; give them back with `answered`. */
  working(bytes: number): void {
    this.#unansweredBytes += bytes;
    this.#regulate();
  }

  answered(bytes: number): void {
    this.#unansweredBytes -= bytes;
    this.#regulate();
  }

  close(): void {
    this.#lingerTimer?.cancel();
    this.stream.destroy();
  }

  /** Sends what is queued and says goodbye; closes anyway when the other side does not do so in time. */
  end(): void {
    this.flush();
    this.stream.end();
    if (this.#closed) return;
    this.#lingerTimer ??= this.#options.clock.setTimer(LINGER_MS, () => {
      this.stream.destroy();
    });
  }

  data(chunk: Buffer): void {
    this.lastActiveMs = this.#options.clock.monotonic();
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      // The opaque of a frame that can't be read is unknown, so there is nobody to answer.
      this.#options.log.warn(
        { remote: this.remote, reason: errorText(error) },
        'connection closed: unreadable frame',
      );
      this.stream.destroy();
    }
  }

  drained(): void {
    this.#regulate();
  }

  closed(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outgoing = [];
    this.#outgoingBytes = 0;
    this.#deadlineTimer?.cancel();
    this.#lingerTimer?.cancel();
    this.#reader.close();
    const reason = this.#closedError(error);
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    this.#options.onClose?.(this);
  }

  #receive(bytes: Buffer, type: number, headerStart: number, headerEnd: number, frameEnd: number): void {
    if (this.#closed) return;
    if (this.#options.handleFrame?.(this, bytes, type, headerStart, headerEnd, frameEnd) === true) return;
    const command = decodeCommand(bytes, type, headerStart, headerEnd, frameEnd);
    if (command.response) this.#settle(command);
    else this.#handle(command, frameEnd - headerStart);
  }

  #settle(response: RemotingCommand): void {
    const pending = this.#pending.get(response.opaque);
    // Answers that came too late, or to one-way requests (old Go clients get those), are dropped.
    if (pending === undefined) return;
    this.#pending.delete(response.opaque);
    pending.resolve(response);
  }

  #handle(request: RemotingCommand, bytes: number): void {
    let outcome: Reply | undefined | Promise<Reply | undefined>;
    try {
      outcome = this.#options.handleRequest(request, this);
    } catch (error) {
      this.#fail(request, error);
      return;
    }
    if (!(outcome instanceof Promise)) {
      if (outcome !== undefined) this.reply(request, outcome);
      return;
    }
    this.working(bytes);
    outcome
      .then(
        (reply) => {
          if (reply !== undefined) this.reply(request, reply);
        },
        (error: unknown) => {
          this.#fail(request, error);
        },
      )
      .finally(() => {
        this.answered(bytes);
      });
  }

  #fail(request: RemotingCommand, error: unknown): void {
    const reply = errorReply(error);
    if (!(error instanceof MqError)) {
      this.#options.log.error({ code: request.code, remote: this.remote, error }, 'request handler failed');
    }
    this.reply(request, reply);
  }

  #regulate(): void {
    const full = this.#unansweredBytes > UNANSWERED_BYTES_MAX || this.congested;
    if (full === this.#paused || this.#closed) return;
    this.#paused = full;
    if (full) this.stream.pause();
    else this.stream.resume();
  }

  #opaque(): number {
    const opaque = this.#nextOpaque;
    this.#nextOpaque = opaque === 0x7fffffff ? 1 : opaque + 1;
    return opaque;
  }

  #armDeadlines(): void {
    this.#deadlineTimer ??= this.#options.clock.setTimer(DEADLINE_SCAN_MS, () => {
      this.#deadlineTimer = undefined;
      this.#expire(this.#options.clock.monotonic());
      if (this.#pending.size > 0) this.#armDeadlines();
    });
  }

  #expire(now: number): void {
    for (const [opaque, { deadline, reject }] of this.#pending) {
      if (deadline > now) continue;
      this.#pending.delete(opaque);
      reject(new MqError('TIMEOUT', `no answer from ${this.remote} in time`));
    }
  }

  #closedError(cause?: Error): MqError {
    return new MqError('CONNECTION', `connection to ${this.remote} is closed`, { cause });
  }
}
