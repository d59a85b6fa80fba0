import type { Clock } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { Net } from '@cometmq/common/net/net';
import type { RandomSource } from '@cometmq/common/random/random';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ChannelPool } from '@cometmq/remoting/transport/channel-pool';
import type { RemotingChannel, RequestHandler } from '@cometmq/remoting/transport/remoting-channel';
import { ClosedError, ConnectError, TimeoutError } from '../error/client-error.ts';
import { Backoff } from './backoff.ts';

export interface ConnectionsOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  readonly connectTimeoutMs: number;
  /** Answers what servers ask over our connections. */
  readonly handleRequest: RequestHandler;
  /** A connection to `address` is new; whatever the server must know first is sent from here. */
  readonly onOpen: (address: string) => void;
  readonly onChange: () => void;
}

/** What is known of one server's address. */
interface Peer {
  channel: RemotingChannel | undefined;
  readonly backoff: Backoff;
  /** Monotonic ms before which no connection is tried. */
  retryAtMs: number;
  /** Answers so far. */
  answers: number;
  failure: string | undefined;
}

export interface ConnectionHealth {
  readonly address: string;
  readonly connected: boolean;
  /** Failures in a row. */
  readonly failures: number;
  readonly lastError: string | undefined;
}

const RECONNECT = { firstMs: 100, maxMs: 5000 };
/** Addresses remembered; those of brokers that are gone are forgotten first. */
const PEERS_MAX = 1024;
/** A server that does not close its side of the connection is not waited for any longer. */
const LINGER_MS = 500;

/**
 * All connections of a client, one for each server. A server that can't be reached is left alone for a growing, jittered
 * while; one that stays silent while a request waits loses its connection, since it may be half open.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #pool: ChannelPool;
  readonly #peers = new Map<string, Peer>();
  #closed = false;
  #onPeerClosed: (() => void) | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { net, clock, log, connectTimeoutMs, handleRequest } = options;
    this.#pool = new ChannelPool({
      net,
      clock,
      log,
      connectTimeoutMs,
      handleRequest,
      onClose: (address, channel) => {
        const peer = this.#peers.get(address);
        if (peer?.channel === channel) peer.channel = undefined;
        this.#onPeerClosed?.();
        options.onChange();
      },
    });
  }

  /**
   * Asks the server at `address`.
   * @throws ConnectError, TimeoutError, ClosedError; the answer's code is not looked at.
   */
  async invoke(address: string, request: Request, timeoutMs: number): Promise<RemotingCommand> {
    const channel = await this.#channel(address);
    const peer = this.#peer(address);
    const answersBefore = peer.answers;
    try {
      const answer = await channel.invoke(request, timeoutMs);
      peer.answers++;
      this.#succeeded(peer);
      if (answer.code === ResponseCode.GO_AWAY) await this.#drop(address, peer, 'the server is going away');
      return answer;
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      if (error.kind === 'TIMEOUT') {
        if (peer.answers === answersBefore) await this.#drop(address, peer, `silent for ${timeoutMs} ms`);
        throw new TimeoutError(`no answer from ${address} within ${timeoutMs} ms`, error);
      }
      if (error.kind !== 'CONNECTION') throw error;
      if (this.#closed) throw new ClosedError('client');
      throw new ConnectError(address, error.message, true, error);
    }
  }

  /** Tells the server at `address`; whether it heard is not known. */
  async oneway(address: string, request: Request): Promise<void> {
    const channel = await this.#channel(address);
    channel.invokeOneway(request);
  }

  /** True unless the address failed a moment ago. */
  isAvailable(address: string): boolean {
    const peer = this.#peers.get(address);
    return peer === undefined || peer.retryAtMs <= this.#options.clock.monotonic();
  }

  health(): ConnectionHealth[] {
    return [...this.#peers].map(([address, peer]) => ({
      address,
      connected: peer.channel !== undefined,
      failures: peer.backoff.failures,
      lastError: peer.failure,
    }));
  }

  /** Forgets servers that are no longer part of any route. */
  retain(addresses: ReadonlySet<string>): void {
    for (const [address, peer] of this.#peers) {
      if (addresses.has(address)) continue;
      this.#peers.delete(address);
      if (peer.channel !== undefined) void this.#pool.drop(address);
    }
  }

  /** Sends what is queued and closes everything; what still waits for an answer fails. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const channels = [...this.#peers.values()].flatMap(({ channel }) => channel ?? []);
    await this.#pool.close();
    await this.#allClosed(channels);
    for (const channel of channels) if (!channel.isClosed) channel.close();
    this.#peers.clear();
  }

  #allClosed(channels: readonly RemotingChannel[]): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(LINGER_MS, resolve);
      const check = (): void => {
        if (channels.some((channel) => !channel.isClosed)) return;
        timer.cancel();
        resolve();
      };
      this.#onPeerClosed = check;
      check();
    });
  }

  async #channel(address: string): Promise<RemotingChannel> {
    if (this.#closed) throw new ClosedError('client');
    const { clock } = this.#options;
    const peer = this.#peer(address);
    const waitMs = peer.retryAtMs - clock.monotonic();
    if (waitMs > 0 && peer.channel === undefined) {
      const why = `${address} failed (${peer.failure ?? ''}) and is tried again in ${Math.ceil(waitMs)} ms`;
      throw new ConnectError(address, why, false);
    }
    let channel: RemotingChannel;
    try {
      channel = await this.#pool.get(address);
    } catch (error) {
      this.#failed(peer, errorText(error));
      if (error instanceof MqError && error.kind === 'CONNECTION') {
        throw new ConnectError(address, error.message, false, error);
      }
      throw error;
    }
    if (peer.channel !== channel && !channel.isClosed) {
      peer.channel = channel;
      this.#options.onOpen(address);
      this.#options.onChange();
    }
    return channel;
  }

  #peer(address: string): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      if (this.#peers.size >= PEERS_MAX) this.#forgetOne();
      const backoff = new Backoff(this.#options.random, RECONNECT);
      peer = { channel: undefined, backoff, retryAtMs: 0, answers: 0, failure: undefined };
      this.#peers.set(address, peer);
    }
    return peer;
  }

  #forgetOne(): void {
    for (const [address, peer] of this.#peers) {
      if (peer.channel !== undefined) continue;
      this.#peers.delete(address);
      return;
    }
  }

  #succeeded(peer: Peer): void {
    if (peer.backoff.failures === 0) return;
    peer.backoff.reset();
    peer.retryAtMs = 0;
    peer.failure = undefined;
    this.#options.onChange();
  }

  #failed(peer: Peer, why: string): void {
    const nowMs = this.#options.clock.monotonic();
    // Callers that waited for one and the same attempt count as one failure.
    if (peer.retryAtMs <= nowMs) peer.retryAtMs = nowMs + peer.backoff.next();
    peer.failure = why;
    this.#options.onChange();
  }

  async #drop(address: string, peer: Peer, why: string): Promise<void> {
    this.#options.log.warn({ address, reason: why }, 'connection dropped');
    this.#failed(peer, why);
    peer.channel = undefined;
    await this.#pool.drop(address);
  }
}
