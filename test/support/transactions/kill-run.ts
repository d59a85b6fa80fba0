// Many transactions, while their producers and their broker are killed at random moments; then all is counted.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MqClient } from '@cometmq/client';
import { createClient, silentLogger } from '@cometmq/client';
import type { MqAdmin } from '@cometmq/client/admin/admin-client';
import { createAdmin } from '@cometmq/client/admin/admin-client';
import { freePort } from '../../interop/support/probe.ts';
import { CometProcess } from '../comet-process.ts';
import { SeededRandom } from '../seeded-random.ts';

const PRODUCER = fileURLToPath(new URL('./producer-process.js', import.meta.url));
const TOPIC = 'orders';
const PRODUCERS = 3;
const SETTLE_LIMIT_MS = 60_000;

export interface KillRunResult {
  readonly committed: ReadonlySet<string>;
  readonly rolledBack: ReadonlySet<string>;
  /** Message ids in the order in which they lie in the topic's queues. */
  readonly delivered: readonly string[];
  readonly brokerKills: number;
  readonly producerKills: number;
  /** The broker's numbers of its last life. */
  readonly contradictory: number;
}

export class KillRun {
  readonly #folder = mkdtempSync(join(tmpdir(), 'comet-tx-'));
  readonly #database = join(this.#folder, 'database');
  readonly #random: SeededRandom;
  readonly #perSecond: number;
  readonly #producers: CometProcess[] = [];
  #namesrv!: CometProcess;
  #nameServers = '';
  #port = 0;
  #broker!: CometProcess;
  #kills = { broker: 0, producer: 0 };
  #started = 0;

  constructor(seed: number, perSecond: number) {
    this.#random = new SeededRandom(seed);
    this.#perSecond = perSecond;
    mkdirSync(this.#database);
  }

  /** Goes on until so many transactions were run. */
  async run(transactions: number): Promise<KillRunResult> {
    try {
      await this.#start();
      while (this.#rows().length < transactions) await this.#killSomebody();
      return await this.#settle();
    } finally {
      for (const producer of this.#producers) await producer.stop('SIGKILL');
      await this.#broker.stop('SIGKILL');
      await this.#namesrv.stop();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async #start(): Promise<void> {
    this.#namesrv = new CometProcess(['start', '--role', 'namesrv', '--port', '0', '--log-level', 'error']);
    this.#nameServers = (await this.#namesrv.ready()).namesrv ?? '';
    this.#port = await freePort([-2]);
    await this.#startBroker();
    const admin = this.#admin();
    await admin.topics.create(TOPIC, { readQueueNums: 4, writeQueueNums: 4 });
    await admin.close();
    for (let index = 0; index < PRODUCERS; index++) await this.#startProducer(index);
  }

  /** A life of 100 to 900 ms, then the broker or a producer dies; sometimes both. */
  async #killSomebody(): Promise<void> {
    await sleep(100 + this.#random.below(800));
    const choice = this.#random.below(4);
    if (choice !== 0) await this.#killProducer();
    if (choice <= 1) await this.#killBroker();
  }

  async #killBroker(): Promise<void> {
    this.#kills.broker++;
    await this.#broker.stop('SIGKILL');
    await this.#startBroker();
  }

  async #killProducer(): Promise<void> {
    const index = this.#random.below(PRODUCERS);
    this.#kills.producer++;
    await this.#producers[index]?.stop('SIGKILL');
    await this.#startProducer(index);
  }

  async #startBroker(): Promise<void> {
    const settings = {
      ...{ transactionTimeoutMs: 1_500, transactionCheckIntervalMs: 1_000, transactionCheckMax: 1_000 },
      segmentSizeBytes: 4 * 1024 * 1024,
    };
    this.#broker = new CometProcess([
      ...['start', '--role', 'broker', '--port', String(this.#port), '--data', join(this.#folder, 'broker')],
      ...['--namesrv', this.#nameServers, '--log-level', 'error'],
      ...Object.entries(settings).flatMap(([key, value]) => ['--set', `broker.${key}=${value}`]),
    ]);
    await this.#broker.ready();
  }

  async #startProducer(index: number): Promise<void> {
    const options = {
      ...{ nameServers: this.#nameServers, database: this.#database, topic: TOPIC },
      ...{ perSecond: this.#perSecond / PRODUCERS, seed: this.#started++ },
    };
    const producer = new CometProcess([JSON.stringify(options)], undefined, PRODUCER);
    this.#producers[index] = producer;
    await producer.ready();
  }

  /** Nothing new is begun; a fresh producer answers what is asked until nothing is open. */
  async #settle(): Promise<KillRunResult> {
    for (const producer of this.#producers) await producer.stop('SIGKILL');
    this.#producers.length = 0;
    await this.#startChecker();
    const admin = this.#admin();
    for (let waitedMs = 0; ; waitedMs += 200) {
      const { transactions } = await admin.transactions.list();
      if (transactions.length === 0) break;
      if (waitedMs > SETTLE_LIMIT_MS)
        throw new Error(`still open: ${JSON.stringify(transactions.slice(0, 3))}`);
      await sleep(200);
    }
    const { values } = await admin.brokers.runtime(`127.0.0.1:${this.#port}`);
    await admin.close();
    const rows = this.#rows().map((id) => [id, readFileSync(join(this.#database, id), 'utf8')] as const);
    const idsOf = (outcome: string): Set<string> =>
      new Set(rows.filter(([, text]) => text === outcome).map(([id]) => id));
    return {
      committed: idsOf('commit'),
      rolledBack: idsOf('rollback'),
      delivered: await this.#readAll(),
      brokerKills: this.#kills.broker,
      producerKills: this.#kills.producer,
      contradictory: Number(values['transactionContradictoryTotal']),
    };
  }

  async #startChecker(): Promise<void> {
    const options = {
      nameServers: this.#nameServers,
      database: this.#database,
      topic: TOPIC,
      perSecond: 0,
      seed: 0,
    };
    const checker = new CometProcess([JSON.stringify(options)], undefined, PRODUCER);
    this.#producers.push(checker);
    await checker.ready();
  }

  async #readAll(): Promise<string[]> {
    const client: MqClient = createClient({ nameServers: this.#nameServers, logger: silentLogger });
    const reader = client.reader({ topic: TOPIC, from: 'first' });
    const ids: string[] = [];
    for (;;) {
      const page = await reader.pull({ max: 1_000, wait: 500 });
      if (page.length === 0) break;
      ids.push(...page.map(({ messageId }) => messageId));
    }
    await client.close();
    return ids;
  }

  #rows(): string[] {
    return readdirSync(this.#database);
  }

  #admin(): MqAdmin {
    return createAdmin({ nameServers: this.#nameServers });
  }
}
