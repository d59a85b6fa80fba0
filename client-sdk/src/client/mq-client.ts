import process from 'node:process';
import { silentLogger } from '@cometmq/common/logging/logger';
import type { Logger } from '@cometmq/common/logging/logger';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { encodeHost } from '@cometmq/common/message/host';
import { UniqueKeyGenerator } from '@cometmq/common/message/message-id';
import { NodeNet } from '@cometmq/common/net/node-net';
import { SystemRandom } from '@cometmq/common/random/system-random';
import type { ConnectionHealth } from '../connection/connections.ts';
import { Connections } from '../connection/connections.ts';
import { NameServers } from '../connection/name-servers.ts';
import type { ConsumerOptions } from '../consumer/consumer-options.ts';
import type { CloseOptions, ConsumerHealth } from '../consumer/consumer-events.ts';
import { PushConsumer } from '../consumer/push-consumer.ts';
import { ClosedError, IllegalStateError } from '../error/client-error.ts';
import { stderrLogger } from '../logging/stderr-logger.ts';
import { durationMs } from '../options/duration.ts';
import type { ProducerOptions, ProducerStats } from '../producer/producer.ts';
import { Producer } from '../producer/producer.ts';
import type { ReaderOptions } from '../reader/reader-options.ts';
import { Reader } from '../reader/reader.ts';
import { RouteTable } from '../route/route-table.ts';
import { SimpleConsumer } from '../simple/simple-consumer.ts';
import type { SimpleConsumerOptions } from '../simple/simple-consumer-options.ts';
import type { TransactionalOptions } from '../transaction/transaction-options.ts';
import { TransactionalProducer } from '../transaction/transactional-producer.ts';
import type { ClientContext } from './client-context.ts';
import type { ClientOptions, LoggerLike } from './client-options.ts';
import { Heartbeats } from './heartbeats.ts';
import { localAddress } from './local-address.ts';
import { ServerCalls } from './server-calls.ts';
import { TypedEvents } from './typed-events.ts';

/** `degraded`: a server that is needed does not answer; the client goes on with the others and keeps trying. */
export type ClientState = 'connecting' | 'ready' | 'degraded' | 'closed';

export interface ClientEvents extends Record<string, readonly unknown[]> {
  state: [now: ClientState, before: ClientState];
}

export interface ClientHealth {
  readonly state: ClientState;
  readonly clientId: string;
  readonly nameServers: readonly ConnectionHealth[];
  readonly brokers: readonly ConnectionHealth[];
  readonly producers: readonly (ProducerStats & { readonly group: string })[];
  readonly consumers: readonly ConsumerHealth[];
}

const CONNECT_TIMEOUT_MS = 3000;
const REFRESH_MS = 30_000;
const HEARTBEAT_MS = 30_000;

/** One client of a CometMQ or RocketMQ cluster; its producers, consumers and readers share connections and routes. */
export class MqClient implements AsyncDisposable {
  readonly clientId: string;
  readonly #context: ClientContext;
  readonly #connections: Connections;
  readonly #routes: RouteTable;
  readonly #heartbeats: Heartbeats;
  readonly #events: TypedEvents<ClientEvents>;
  readonly #producers = new Set<Producer>();
  readonly #transactional = new Map<string, TransactionalProducer<unknown>>();
  readonly #consumers = new Map<string, PushConsumer<unknown>>();
  readonly #readers = new Set<Reader<unknown>>();
  readonly #simpleConsumers = new Set<SimpleConsumer<unknown>>();
  #state: ClientState = 'connecting';
  #closing: Promise<void> | undefined;

  /** @internal Use `createClient`. */
  constructor(options: ClientOptions) {
    const {
      clock = new SystemClock(),
      net = new NodeNet(),
      disk = new NodeDisk(),
      random = new SystemRandom(),
    } = options.ports ?? {};
    const log = asLogger(options.logger);
    const address = localAddress();
    this.clientId = options.clientId ?? `${address}@${process.pid}#${random.bytes(8).readBigUInt64BE()}`;
    this.#events = new TypedEvents(log);
    const calls = new ServerCalls({
      clock,
      log,
      consumerOf: (group) => this.#consumers.get(group),
      transactionalOf: (group) => this.#transactional.get(group),
    });
    this.#connections = new Connections({
      net,
      clock,
      random,
      log,
      connectTimeoutMs: durationMs(options.connectTimeout ?? CONNECT_TIMEOUT_MS, 'connectTimeout'),
      handleRequest: (request, channel) => calls.handle(request, channel),
      onOpen: (opened) => void this.#opened(opened),
      onChange: () => {
        this.#updateState();
      },
    });
    const nameServers = new NameServers(this.#connections, random, addressList(options.nameServers));
    this.#routes = new RouteTable({
      clock,
      log,
      nameServers,
      refreshMs: durationMs(options.routeRefresh ?? REFRESH_MS, 'routeRefresh'),
      onChange: (topic) => {
        this.#routeChanged(topic);
      },
    });
    const { clientId } = this;
    this.#heartbeats = new Heartbeats({
      clock,
      log,
      clientId,
      periodMs: durationMs(options.heartbeat ?? HEARTBEAT_MS, 'heartbeat'),
      connections: this.#connections,
      routes: this.#routes,
      producerGroups: () => [
        ...new Set([...[...this.#producers].map(({ group }) => group), ...this.#transactional.keys()]),
      ],
      consumers: () => [...this.#consumers.values()].map((consumer) => consumer.data()),
    });
    const ids = new UniqueKeyGenerator(clock, random, encodeHost(address, 0), process.pid);
    this.#context = {
      clock,
      random,
      disk,
      log,
      clientId,
      nameServers: nameServers.addresses,
      connections: this.#connections,
      routes: this.#routes,
      nextMessageId: () => ids.next(),
      heartbeat: () => this.#heartbeats.beatAll(),
      heartbeatTo: (to) => this.#heartbeats.beat(to),
    };
    this.#routes.start();
    this.#heartbeats.start();
  }

  /** A producer. Nothing is connected before its first send. */
  producer(options: ProducerOptions = {}): Producer {
    this.#assertOpen();
    const producer = new Producer(this.#context, options, async (closed) => {
      this.#producers.delete(closed);
      await this.#producerLeft(closed.group);
    });
    this.#producers.add(producer);
    return producer;
  }

  /**
   * A producer of messages that become visible when a local transaction has succeeded.
   * @throws IllegalStateError without a checker, or for a second one of the same group
   */
  transactional<T = Buffer>(options: TransactionalOptions<T>): TransactionalProducer<T> {
    this.#assertOpen();
    if (this.#transactional.has(options.group)) {
      throw new IllegalStateError(
        `this client already has a transactional producer of group ${options.group}`,
      );
    }
    const producer = new TransactionalProducer(this.#context, options, async (closed) => {
      this.#transactional.delete(closed.group);
      await this.#producerLeft(closed.group);
    });
    this.#transactional.set(options.group, producer as unknown as TransactionalProducer<unknown>);
    return producer;
  }

  /**
   * Starts a consumer; `ready()` of the result tells when it has its queues.
   * @throws IllegalStateError for options that make no sense, or a second consumer of the same group
   */
  consume<T = Buffer>(options: ConsumerOptions<T>): PushConsumer<T> {
    this.#assertOpen();
    if (this.#consumers.has(options.group)) {
      throw new IllegalStateError(
        `this client already has a consumer of group ${options.group}`,
        'name all its topics in one consumer, or use another client',
      );
    }
    const consumer = new PushConsumer(this.#context, options, async (closed) => {
      this.#consumers.delete(closed.group);
      await this.#heartbeats.unregister('consumerGroup', closed.group);
    });
    this.#consumers.set(options.group, consumer as unknown as PushConsumer<unknown>);
    consumer.start();
    return consumer;
  }

  /** A consumer that takes messages on lease when it is asked to. Nothing is connected before it is first used. */
  simpleConsumer<T = Buffer>(options: SimpleConsumerOptions<T>): SimpleConsumer<T> {
    this.#assertOpen();
    const consumer = new SimpleConsumer(this.#context, options, (closed) => {
      this.#simpleConsumers.delete(closed as unknown as SimpleConsumer<unknown>);
    });
    this.#simpleConsumers.add(consumer as unknown as SimpleConsumer<unknown>);
    return consumer;
  }

  /** A reader. Nothing is connected before it is first used. */
  reader<T = Buffer>(options: ReaderOptions<T>): Reader<T> {
    this.#assertOpen();
    const reader = new Reader(this.#context, options, (closed) => {
      this.#readers.delete(closed as unknown as Reader<unknown>);
    });
    this.#readers.add(reader as unknown as Reader<unknown>);
    return reader;
  }

  on<K extends keyof ClientEvents & string>(event: K, listener: (...values: ClientEvents[K]) => void): this {
    this.#events.on(event, listener);
    return this;
  }

  off<K extends keyof ClientEvents & string>(event: K, listener: (...values: ClientEvents[K]) => void): this {
    this.#events.off(event, listener);
    return this;
  }

  health(): ClientHealth {
    const { nameServers } = this.#context;
    const peers = this.#connections.health();
    return {
      state: this.#state,
      clientId: this.clientId,
      nameServers: peers.filter(({ address }) => nameServers.includes(address)),
      brokers: peers.filter(({ address }) => !nameServers.includes(address)),
      producers: [...this.#producers, ...this.#transactional.values()].map((producer) => ({
        group: producer.group,
        ...producer.stats(),
      })),
      consumers: [...this.#consumers.values()].map((consumer) => consumer.health()),
    };
  }

  /**
   * Closes consumers (see `PushConsumer.close`), readers and producers, unregisters and disconnects. A second call
   * cuts the wait for handlers short. Nothing of the client keeps the process alive afterwards.
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#closing === undefined) this.#closing = this.#close(options);
    else for (const consumer of this.#consumers.values()) void consumer.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    await Promise.all([...this.#readers, ...this.#simpleConsumers].map((reader) => reader.close()));
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.close(options)));
    await Promise.all([...this.#producers].map((producer) => producer.close()));
    await Promise.all([...this.#transactional.values()].map((producer) => producer.close()));
    this.#heartbeats.stop();
    this.#routes.stop();
    await this.#connections.close();
    this.#setState('closed');
    this.#events.clear();
  }

  async #producerLeft(group: string): Promise<void> {
    const isLast =
      ![...this.#producers].some((other) => other.group === group) && !this.#transactional.has(group);
    if (isLast) await this.#heartbeats.unregister('producerGroup', group);
  }

  /** A broker that is new, or back, must know who we are before anything else. */
  async #opened(address: string): Promise<void> {
    if (!this.#routes.addresses(false).has(address)) return;
    await this.#heartbeats.beat(address);
  }

  #routeChanged(topic: string): void {
    const needed = this.#routes.addresses(false);
    for (const address of this.#context.nameServers) needed.add(address);
    this.#connections.retain(needed);
    for (const consumer of this.#consumers.values()) consumer.routeChanged(topic);
  }

  #updateState(): void {
    if (this.#closing !== undefined) return;
    const peers = this.#connections.health();
    const { nameServers } = this.#context;
    const names = peers.filter(({ address }) => nameServers.includes(address));
    const brokers = peers.filter(({ address }) => !nameServers.includes(address));
    const namesDown =
      names.length > 0 && names.every(({ connected, failures }) => !connected && failures > 0);
    const brokerDown = brokers.some(({ failures }) => failures > 0);
    if (namesDown || brokerDown) this.#setState('degraded');
    else if (peers.some(({ connected }) => connected)) this.#setState('ready');
  }

  #setState(state: ClientState): void {
    const before = this.#state;
    if (before === state) return;
    this.#state = state;
    this.#context.log.info({ state, before }, 'client state');
    this.#events.emit('state', state, before);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError('client');
  }
}

/** Connects to a cluster: `createClient({ nameServers: '127.0.0.1:9876' })`. Nothing is sent before it is needed. */
export function createClient(options: ClientOptions): MqClient {
  return new MqClient(options);
}

function addressList(nameServers: string | readonly string[]): string[] {
  const list = typeof nameServers === 'string' ? nameServers.split(/[;,]/) : nameServers;
  return list.map((address) => address.trim()).filter((address) => address !== '');
}

/** Loggers without `child` get one that does nothing more than hand itself on. */
function asLogger(logger: LoggerLike | undefined): Logger {
  if (logger === undefined) return stderrLogger();
  if (logger === silentLogger) return silentLogger;
  const { child } = logger;
  if (child !== undefined) return logger as Logger;
  const plain: Logger = {
    debug: (fields, text) => {
      logger.debug(fields, text);
    },
    info: (fields, text) => {
      logger.info(fields, text);
    },
    warn: (fields, text) => {
      logger.warn(fields, text);
    },
    error: (fields, text) => {
      logger.error(fields, text);
    },
    child: () => plain,
  };
  return plain;
}
