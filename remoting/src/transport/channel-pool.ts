import type { Clock } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { parseHostPort } from '@cometmq/common/message/host';
import type { Net } from '@cometmq/common/net/net';
import type { RemotingCommand, Request } from '../protocol/remoting-command.ts';
import type { RequestHandler } from './remoting-channel.ts';
import { RemotingChannel } from './remoting-channel.ts';

export interface ChannelPoolOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Logger;
  readonly connectTimeoutMs: number;
  /** Answers what servers ask over our connections. */
  readonly handleRequest: RequestHandler;
  readonly onClose?: (address: string, channel: RemotingChannel) => void;
}

/** Outgoing connections, one for each address, opened when first needed and again after they broke. */
export class ChannelPool {
  readonly #options: ChannelPoolOptions;
  readonly #channels = new Map<string, Promise<RemotingChannel>>();
  #closed = false;

  constructor(options: ChannelPoolOptions) {
    this.#options = options;
  }

  /**
   * The connection to `address` (`host:port`).
   * @throws MqError `CONNECTION` when it can't be opened, `INVALID_ARGUMENT` when it is no address.
   */
  get(address: string): Promise<RemotingChannel> {
    if (this.#closed)
      return Promise.reject(new MqError('CONNECTION', 'the client is closed', { retryable: false }));
    let channel = this.#channels.get(address);
    if (channel === undefined) {
      const target = parseHostPort(address);
      if (target === undefined) return Promise.reject(malformed(address));
      const connecting = this.#connect(address, target, () => {
        // A later connection to the same address must stay.
        if (this.#channels.get(address) === connecting) this.#channels.delete(address);
      });
      this.#channels.set(address, connecting);
      channel = connecting;
    }
    return channel;
  }

  async invoke(address: string, request: Request, timeoutMs: number): Promise<RemotingCommand> {
    const channel = await this.get(address);
    return channel.invoke(request, timeoutMs);
  }

  async invokeOneway(address: string, request: Request): Promise<void> {
    const channel = await this.get(address);
    channel.invokeOneway(request);
  }

  /** Closes the connection to `address`, for example because it no longer answers. */
  async drop(address: string): Promise<void> {
    const channel = this.#channels.get(address);
    this.#channels.delete(address);
    await channel?.then(
      (open) => {
        open.close();
      },
      () => undefined,
    );
  }

  /** Sends what is queued and closes all connections; none opens afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const pending of this.#channels.values()) {
      await pending.then(
        (channel) => {
          channel.end();
        },
        () => undefined,
      );
    }
    this.#channels.clear();
  }

  async #connect(
    address: string,
    target: { readonly address: string; readonly port: number },
    forget: () => void,
  ): Promise<RemotingChannel> {
    const { net, clock, log, connectTimeoutMs, handleRequest, onClose } = this.#options;
    let channel: RemotingChannel | undefined;
    try {
      await net.connect(target.address, target.port, connectTimeoutMs, (stream) => {
        channel = new RemotingChannel(stream, {
          clock,
          log,
          handleRequest,
          onClose: (closed) => {
            forget();
            onClose?.(address, closed);
          },
        });
        return channel;
      });
    } catch (error) {
      forget();
      throw new MqError('CONNECTION', `can't connect to ${address}: ${errorText(error)}`, { cause: error });
    }
    if (channel === undefined) throw new MqError('INTERNAL', 'the network accepted no stream');
    return channel;
  }
}

function malformed(address: string): MqError {
  return new MqError('INVALID_ARGUMENT', `"${address}" is not of the form host:port`, {
    hint: 'name a server as 127.0.0.1:9876',
  });
}
