import type { Logger } from '@cometmq/common/logging/logger';
import type {
  ClientOptions,
  ConsumerOptions,
  MessageContext,
  MqClient,
  PushConsumer,
  ReceivedMessage,
} from '@cometmq/client';
import { createClient, silentLogger } from '@cometmq/client';
import { ManualClock } from './manual-clock.ts';
import { MemoryNet } from './memory-net.ts';
import { ScriptedBroker } from './scripted-broker.ts';
import { SeededRandom } from './seeded-random.ts';

/** A client and a scripted broker on one manual clock and memory network. */
export class SdkWorld {
  readonly clock: ManualClock;
  readonly net: MemoryNet;
  readonly broker: ScriptedBroker;
  readonly #clients: MqClient[] = [];

  private constructor(clock: ManualClock, net: MemoryNet, broker: ScriptedBroker) {
    this.clock = clock;
    this.net = net;
    this.broker = broker;
  }

  static async start(): Promise<SdkWorld> {
    const clock = new ManualClock();
    const net = new MemoryNet(clock);
    return new SdkWorld(clock, net, await ScriptedBroker.start(clock, net));
  }

  client(options: Partial<ClientOptions> = {}, logger: Logger = silentLogger): MqClient {
    const { clock, net } = this;
    const clientId = `client-${this.#clients.length + 1}`;
    const ports = { clock, net, random: new SeededRandom(this.#clients.length + 1) };
    const client = createClient({ nameServers: this.broker.address, logger, clientId, ports, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A consumer of group g on topic t from its beginning, unless told otherwise, that has its queues. */
  async consume(
    handle: (message: ReceivedMessage, context: MessageContext) => unknown,
    options: Partial<ConsumerOptions<Buffer>> = {},
  ): Promise<PushConsumer> {
    const all = {
      group: 'g',
      topics: ['t'],
      startFrom: 'earliest',
      handle,
      ...options,
    } as ConsumerOptions<Buffer>;
    const worker = this.client().consume(all);
    await this.during(worker.ready());
    return worker;
  }

  /** Runs something that needs time to pass, moving the clock until it is done. */
  async during<T>(work: Promise<T>, stepMs = 50, limitMs = 60_000): Promise<T> {
    const state = { done: false };
    const settled = work.finally(() => {
      state.done = true;
    });
    settled.catch(() => undefined);
    for (let passedMs = 0; passedMs <= limitMs; passedMs += stepMs) {
      await this.clock.settle();
      if (state.done) return settled;
      await this.clock.advance(stepMs);
    }
    throw new Error(`not done within ${limitMs} ms of the clock`);
  }

  async stop(): Promise<void> {
    await this.during(Promise.all(this.#clients.map((client) => client.close({ drain: 0 }))));
    await this.broker.close();
  }
}
