import { expect, test } from 'vitest';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import type { SendOutcome } from '@cometmq/broker/service/request-types';
import type { Outcome } from '@cometmq/broker/transaction/transaction';
import { sendRequest } from '../support/broker-world.ts';
import { FaultyKeyValueStore, KeyValueBatches } from '../support/faulty-key-value-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { TransactionWorld } from '../support/transaction-world.ts';

// Cuts the power after every single disk operation in the lives of some transactions, with several choices of what of
// the unsynced data survives, both of the log and of the settings store, and judges what the next start finds.

/** What producers and operators know of one transaction. */
interface Known {
  readonly half: SendOutcome;
  /** A decision that was sent. */
  begun?: Outcome;
  /** It was acknowledged. */
  isAcknowledged?: boolean;
  /** Questions that reached a producer. */
  asked: number;
}

interface Moment {
  readonly disk: SimulatedDisk;
  readonly batches: KeyValueBatches;
  readonly nowMs: number;
  readonly known: ReadonlyMap<string, Known>;
}

const SETTINGS: Partial<BrokerConfig> = {
  segmentSizeBytes: 2 ** 20,
  retentionMs: 3_600_000,
  transactionTimeoutMs: 1_000,
  transactionCheckIntervalMs: 1_000,
  transactionCheckMax: 2,
};

/** A crash may come before and after each write of settings, too. */
class NotingStore extends FaultyKeyValueStore {
  readonly #note: () => void;

  constructor(batches: KeyValueBatches, note: () => void) {
    super(batches, undefined);
    this.#note = note;
  }

  override async write(changes: readonly KeyValueChange[], sync = false): Promise<void> {
    this.#note();
    await super.write(changes, sync);
    this.#note();
  }
}

class Life {
  readonly known = new Map<string, Known>();
  readonly moments: Moment[] = [];
  tx!: TransactionWorld;
  #disk = new SimulatedDisk();
  #batches = new KeyValueBatches();
  readonly #clock = new ManualClock();

  async open(): Promise<void> {
    this.#disk.hook = ({ kind }) => {
      if (kind !== 'read' && kind !== 'open') this.note();
    };
    const kv = new NotingStore(this.#batches, () => {
      this.note();
    });
    this.tx = await TransactionWorld.open(SETTINGS, { clock: this.#clock, disk: this.#disk, kv });
  }

  note(): void {
    const known = new Map([...this.known].map(([id, facts]) => [id, { ...facts }]));
    const nowMs = this.#clock.now();
    this.moments.push({ disk: this.#disk.clone(), batches: this.#batches.clone(), nowMs, known });
  }

  async half(id: string): Promise<void> {
    const half = await this.tx.sendHalf({ UNIQ_KEY: id }, { body: Buffer.from(id) });
    this.known.set(id, { half, asked: 0 });
  }

  async end(id: string, outcome: Outcome, isAnswer = false): Promise<void> {
    const facts = this.#of(id);
    facts.begun = outcome;
    await this.tx.end(facts.half, outcome, { isAnswer });
    facts.isAcknowledged = true;
  }

  async operator(id: string, outcome: Outcome): Promise<void> {
    const facts = this.#of(id);
    facts.begun = outcome;
    await this.tx.admin.decide(id, outcome, 'ops', 'the run says so');
    facts.isAcknowledged = true;
  }

  async resume(id: string): Promise<void> {
    // It is counted from the beginning again.
    this.#of(id).asked = 0;
    await this.tx.admin.resume(id, 'ops', 'again');
  }

  /** Time passes, and what is due is asked; producers do not answer. */
  async ask(): Promise<void> {
    const asked = this.tx.producer();
    await this.tx.world.clock.advance(1_500);
    await this.tx.round();
    for (const { uniqueKey } of asked) this.#of(uniqueKey).asked++;
  }

  async fill(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const { producing } = this.tx.world.services;
      const sent = producing.send(sendRequest('ballast', {}, { body: Buffer.alloc(300_000) }));
      await this.tx.world.clock.advance(100);
      await sent;
    }
  }

  /** The process ends without a word; what it had written stays. */
  async die(): Promise<void> {
    this.#disk.hook = undefined;
    this.#disk = this.#disk.clone();
    this.#batches = this.#batches.clone();
    await this.open();
  }

  #of(id: string): Known {
    const facts = this.known.get(id);
    if (facts === undefined) throw new Error(`no transaction ${id}`);
    return facts;
  }
}

/** What of the settings survives: all that was synced, and the seed says how much of the rest. */
function crashed(batches: KeyValueBatches, seed: number): KeyValueBatches {
  const left = batches.synced();
  const more = batches.all.slice(left.all.length);
  left.all.push(...more.slice(0, Math.round((more.length * (seed % 3)) / 2)));
  return left;
}

async function started(moment: Moment, seed: number): Promise<TransactionWorld> {
  return TransactionWorld.open(SETTINGS, {
    clock: new ManualClock(moment.nowMs),
    disk: moment.disk.crash({ seed }),
    kv: new FaultyKeyValueStore(crashed(moment.batches, seed), undefined),
  });
}

function judge(tx: TransactionWorld, { known }: Moment): void {
  const delivered = tx.bodies();
  const open = new Map([...tx.table.all()].map((transaction) => [transaction.uniqueKey, transaction]));
  expect(open.size).toBe(tx.table.size);
  for (const [id, { begun, isAcknowledged, asked }] of known) {
    const copies = delivered.filter((body) => body === id).length;
    const present = open.get(id);
    if (begun === undefined) expect([id, copies, present !== undefined]).toEqual([id, 0, true]);
    else if (isAcknowledged === true)
      expect([id, copies, present]).toEqual([id, begun === 'commit' ? 1 : 0, undefined]);
    else {
      const isDone = present === undefined;
      expect([id, copies]).toEqual([id, isDone && begun === 'commit' ? 1 : 0]);
    }
    // Never asked more often than counted.
    if (present !== undefined) expect(present.checks).toBeGreaterThanOrEqual(asked);
  }
  for (const id of delivered) expect(known.get(id)?.begun ?? 'commit').toBe('commit');
}

/** Producers say everything once more, and decide what is left: totals add up, and contradictions are refused. */
async function finish(tx: TransactionWorld, { known }: Moment): Promise<void> {
  for (const [id, { half, begun = 'commit' }] of known) {
    await tx.end(half, begun, { isAnswer: true });
    const other = begun === 'commit' ? 'rollback' : 'commit';
    await expect(tx.end(half, other, { isAnswer: true })).rejects.toMatchObject({ kind: 'CONFLICT' });
    expect((await tx.admin.get(id)).state).toBe(begun === 'commit' ? 'committed' : 'rolledBack');
  }
  const delivered = tx.bodies();
  const wanted = [...known].filter(([, { begun }]) => begun !== 'rollback').map(([id]) => id);
  expect(delivered.filter((id) => known.has(id)).sort()).toEqual(wanted.sort());
}

async function judgeAll(life: Life, seeds: readonly number[]): Promise<number> {
  let states = 0;
  for (const [index, moment] of life.moments.entries()) {
    for (const seed of seeds) {
      try {
        const tx = await started(moment, seed + index);
        judge(tx, moment);
        await finish(tx, moment);
        // A second start finds the same.
        const { clock, disk, kv } = tx.world;
        const again = await TransactionWorld.open(SETTINGS, {
          clock: new ManualClock(clock.now()),
          disk,
          kv,
        });
        expect(again.bodies().toSorted()).toEqual(tx.bodies().toSorted());
        states++;
      } catch (error) {
        throw new Error(`moment ${index} of ${life.moments.length}, seed ${seed}`, { cause: error });
      }
    }
  }
  return states;
}

test('at every step of their lives a power cut neither loses, doubles nor undoes a transaction', async () => {
  const life = new Life();
  await life.open();
  life.moments.length = 0;
  for (const id of ['A', 'B', 'C', 'D', 'E', 'F']) await life.half(id);
  await life.tx.snapshot();
  await life.end('A', 'commit');
  await life.ask();
  await life.end('B', 'commit', true);
  await life.end('C', 'rollback', true);
  await life.tx.snapshot();
  await Promise.all([life.half('G'), life.half('H'), life.end('D', 'commit', true)]);
  await life.ask();
  await life.die();
  await life.ask();
  await life.tx.snapshot();
  await life.operator('E', 'rollback');
  await life.resume('F');
  await life.ask();
  await Promise.all([life.end('G', 'commit'), life.end('H', 'rollback')]);
  await life.tx.snapshot();
  await life.operator('F', 'commit');
  life.note();
  const states = await judgeAll(life, [0, 1, 2]);
  console.info(`${states} crash states of ${life.moments.length} moments`);
  expect(states).toBeGreaterThan(100);
}, 120_000);

test('at every step of the end of their segment as well', async () => {
  const life = new Life();
  await life.open();
  for (const id of ['A', 'B', 'C']) await life.half(id);
  await life.ask();
  await life.end('A', 'commit', true);
  await life.fill(8);
  await life.tx.snapshot();
  life.moments.length = 0;
  await life.tx.world.clock.advance(2 * 3_600_000);
  await life.tx.world.store.expire();
  expect(life.tx.world.store.logStart).toBeGreaterThan(0);
  await life.end('B', 'commit', true);
  life.note();
  // What was decided long ago is no longer known by then.
  for (const { known } of life.moments) (known as Map<string, Known>).delete('A');
  const states = await judgeAll(life, [0, 1, 2, 3]);
  console.info(`${states} crash states of ${life.moments.length} moments`);
  expect(states).toBeGreaterThan(20);
}, 120_000);
