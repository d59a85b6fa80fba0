// A whole broker over a disk and settings that survive it, and one client on a memory network.
import { Broker } from '@cometmq/broker/broker';
import { silentLogger } from '@cometmq/common/logging/logger';
import type { Logger } from '@cometmq/common/logging/logger';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryNet } from '../../support/memory-net.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { SimulatedDisk } from '../../support/simulated-disk.ts';
import { JournaledSettings, SettingsJournal } from './settings-journal.ts';

const PORT = 10_911;
const STEP_MS = 5;
const LIMIT_MS = 30_000;
const ANSWER_MS = 10_000;
/** Turns of the event loop in which an answer that needs no time arrives. */
const TURNS = 40;

export type Flush = 'sync' | 'async';

export interface BrokerLimits {
  readonly retentionMs: number;
  readonly segmentSizeBytes: number;
  readonly delayLevels: string;
}

export class BrokerUnderTest {
  clock = new ManualClock();
  /** What was logged as an error or a warning since the start. */
  readonly complaints: string[] = [];
  readonly #flush: Flush;
  readonly #limits: BrokerLimits;
  #disk = new SimulatedDisk();
  #journal = new SettingsJournal();
  #broker: Broker | undefined;
  #net: MemoryNet | undefined;
  #channel: RemotingChannel | undefined;

  constructor(flush: Flush, limits: BrokerLimits) {
    this.#flush = flush;
    this.#limits = limits;
  }

  get now(): number {
    return this.clock.now();
  }

  async start(): Promise<void> {
    const { clock } = this;
    const net = (this.#net = new MemoryNet(clock));
    this.#broker = new Broker({
      net,
      clock,
      disk: this.#disk,
      random: new SeededRandom(),
      processes: { ownId: 4711, isAlive: () => false, identityOf: () => undefined },
      log: this.#logger(),
      dataDir: '/data',
      openKeyValueStore: () => new JournaledSettings(this.#journal),
      config: { port: PORT, flush: this.#flush, pullBytesMax: 8 * 1024 * 1024, ...this.#limits },
    });
    await this.during(this.#broker.start());
    await this.#connect();
  }

  async stop(): Promise<void> {
    if (this.#broker !== undefined) await this.during(this.#broker.stop());
    this.#broker = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Ends the broker where it stands: killed (the system keeps all that was written) or by a power cut. */
  async crash(cut: 'kill' | { readonly seed: number; readonly settings: number }): Promise<void> {
    this.#disk = this.#disk.crash(cut === 'kill' ? { seed: 0, keep: 1 } : { seed: cut.seed });
    this.#journal = cut === 'kill' ? this.#journal.cut(1) : this.#journal.cut(cut.settings);
    // The dead broker's timers stay with its clock.
    this.clock = new ManualClock(this.clock.now());
    await this.start();
  }

  /** Lets time pass. A broker closes connections that are silent for long; a client makes a new one. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    if (this.#channel?.isClosed === true) await this.#connect();
  }

  /** Asks and lets time pass while the answer needs it. */
  ask(request: Request): Promise<RemotingCommand> {
    return this.during(this.invoke(request));
  }

  /** Asks several at once. */
  askAll(requests: readonly Request[]): Promise<RemotingCommand[]> {
    return this.during(Promise.all(requests.map((request) => this.invoke(request))));
  }

  /** Asks; the answer comes when the event loop turns. */
  invoke(request: Request): Promise<RemotingCommand> {
    if (this.#channel === undefined) return Promise.reject(new Error('the broker was not started'));
    return this.#channel.invoke(request, ANSWER_MS);
  }

  /** Lets the event loop turn, and nothing else. */
  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      await new Promise<void>((resolve) => {
        this.clock.defer(resolve);
      });
    }
  }

  /** Runs something that may need time to pass. */
  async during<T>(work: Promise<T>): Promise<T> {
    const state = { done: false };
    const settled = work.finally(() => {
      state.done = true;
    });
    settled.catch(() => undefined);
    for (let passedMs = 0; passedMs <= LIMIT_MS; passedMs += STEP_MS) {
      for (let turn = 0; turn < TURNS && !state.done; turn++) await this.turns(1);
      if (state.done) return settled;
      await this.clock.advance(STEP_MS);
    }
    throw new Error(`not done within ${LIMIT_MS} ms of the clock`);
  }

  async #connect(): Promise<void> {
    const { clock } = this;
    await this.#net?.connect('127.0.0.1', PORT, 1_000, (stream) => {
      this.#channel = new RemotingChannel(stream, {
        clock,
        log: silentLogger,
        handleRequest: () => undefined,
      });
      return this.#channel;
    });
  }

  #logger(): Logger {
    const note = (fields: unknown, text: string): void => {
      this.complaints.push(`${text}: ${JSON.stringify(fields)}`);
    };
    const logger: Logger = { ...silentLogger, error: note, warn: note, child: () => logger };
    return logger;
  }
}
