import { SystemClock } from '@cometmq/common/clock/system-clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { silentLogger } from '@cometmq/common/logging/logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { ChannelPool } from '@cometmq/remoting/transport/channel-pool';

const TIMEOUT_MS = 5_000;

/** One connection to a broker that may die at any moment. */
export class BrokerCaller {
  readonly #address: string;
  readonly #pool = new ChannelPool({
    net: new NodeNet(),
    clock: new SystemClock(),
    log: silentLogger,
    connectTimeoutMs: 2_000,
    handleRequest: () => undefined,
  });
  /** A request was lost: nothing more goes through this connection. */
  isLost = false;

  constructor(address: string) {
    this.#address = address;
  }

  /** Undefined when nobody knows what became of the request: the connection broke or the time was up. */
  async ask(request: Request): Promise<RemotingCommand | undefined> {
    if (this.isLost) return undefined;
    try {
      return await this.#pool.invoke(this.#address, request, TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof MqError) || (error.kind !== 'CONNECTION' && error.kind !== 'TIMEOUT'))
        throw error;
      this.isLost = true;
      return undefined;
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
