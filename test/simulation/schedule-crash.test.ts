// Timed messages and delay levels while the power is cut after every operation of the disk and every batch of the tables;
// of the unsynced part of both, something else survives each time. The next start delivers everything once.
import { expect, test } from 'vitest';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import { BrokerWorld, sendRequest } from '../support/broker-world.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { KeyValueMoment } from '../support/power-cut-key-value-store.ts';
import { PowerCutKeyValueStore } from '../support/power-cut-key-value-store.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

interface Message {
  readonly body: string;
  readonly key: string;
  isAcknowledged: boolean;
  isCancelled: boolean;
  /** A cancel was asked for and not answered yet. */
  isBeingCancelled: boolean;
}

/** What was known outside when the power went. */
interface Moment {
  readonly what: string;
  readonly disk: SimulatedDisk;
  readonly kv: KeyValueMoment;
  readonly now: number;
  readonly mustCome: readonly string[];
  readonly mustNotCome: readonly string[];
  readonly mayCome: readonly string[];
}

const CONFIG: Partial<BrokerConfig> = { segmentSizeBytes: 1024 * 1024, retentionMs: 60_000 };
const HOUR_MS = 3_600_000;
const CRASHES_PER_MOMENT = 2;

class Workload {
  readonly moments: Moment[] = [];
  world!: BrokerWorld;
  readonly #messages: Message[] = [];
  readonly #random: SeededRandom;
  readonly #kv = new PowerCutKeyValueStore();
  readonly #every: number;
  #operations = 0;

  constructor(seed: number, every = 1) {
    this.#random = new SeededRandom(seed);
    this.#every = every;
  }

  async open(): Promise<void> {
    const disk = new SimulatedDisk();
    this.world = await BrokerWorld.open(CONFIG, { clock: new ManualClock(), disk, kv: this.#kv });
    await this.world.startDelays();
    await this.world.clock.advance(20);
    disk.hook = ({ kind, path }): void => {
      if (kind !== 'read' && kind !== 'open' && !path.includes('spare')) this.#note(kind);
    };
    this.#kv.hook = (): void => {
      this.#note('tables');
    };
  }

  send(properties: Record<string, string>, filler = 0): void {
    const name = `m${this.#messages.length}`;
    const message = {
      body: name,
      key: `key-${name}`,
      isAcknowledged: false,
      isCancelled: false,
      isBeingCancelled: false,
    };
    this.#messages.push(message);
    const body = Buffer.from(filler === 0 ? name : name.padEnd(filler));
    const request = sendRequest('orders', { UNIQ_KEY: message.key, ...properties }, { body });
    void this.world.services.producing.send(request).then(() => {
      message.isAcknowledged = true;
    });
  }

  async rounds(count: number): Promise<void> {
    const { clock } = this.world;
    for (let round = 0; round < count; round++) {
      for (let sends = this.#random.below(3); sends >= 0; sends--) {
        const delayMs = 20 + this.#random.below(1_500);
        this.send(this.#random.below(4) === 0 ? { DELAY: '1' } : { TIMER_DELAY_MS: String(delayMs) });
      }
      const message = this.#messages[this.#random.below(this.#messages.length)];
      if (message !== undefined && round % 2 === 0) this.#change(message);
      await clock.advance(this.#random.below(250));
    }
  }

  #change(message: Message): void {
    const { operations } = this.world.services.schedules;
    if (this.#random.below(2) === 0) {
      const work = operations.move('orders', message.key, this.world.clock.now() + this.#random.below(1_000));
      work.catch(() => undefined);
      return;
    }
    message.isBeingCancelled = true;
    operations
      .cancel('orders', message.key)
      .then((outcome) => {
        message.isCancelled = outcome === 'DONE' || outcome === 'CANCELLED';
      })
      .catch(() => undefined)
      .finally(() => {
        message.isBeingCancelled = false;
      });
  }

  #note(what: string): void {
    if (this.#operations++ % this.#every !== 0) return;
    const names = (wanted: (message: Message) => boolean): string[] =>
      this.#messages.filter(wanted).map(({ body }) => body);
    this.moments.push({
      what,
      disk: this.world.disk.clone(),
      kv: this.#kv.moment(),
      now: this.world.clock.now(),
      mustCome: names((m) => m.isAcknowledged && !m.isCancelled && !m.isBeingCancelled),
      mustNotCome: names((m) => m.isCancelled),
      mayCome: names((m) => !m.isCancelled && (!m.isAcknowledged || m.isBeingCancelled)),
    });
  }
}

async function judge(moment: Moment, seed: number, afterMs: number): Promise<string[]> {
  const random = new SeededRandom(seed);
  const world = await BrokerWorld.open(CONFIG, {
    clock: new ManualClock(moment.now + afterMs),
    disk: moment.disk.crash({ seed }),
    kv: PowerCutKeyValueStore.after(moment.kv, random),
  });
  await world.startDelays();
  await world.clock.advance(8_000);
  const faults: string[] = [];
  const came = new Map<string, number>();
  for (let queueId = 0; queueId < 4; queueId++) {
    for (const { body } of world.read('orders', queueId)) {
      const name = body.toString().trim();
      came.set(name, (came.get(name) ?? 0) + 1);
    }
  }
  for (const [name, count] of came) if (count > 1) faults.push(`${name} came ${count} times`);
  for (const name of moment.mustCome) if (!came.has(name)) faults.push(`${name} was lost`);
  for (const name of moment.mustNotCome) if (came.has(name)) faults.push(`${name} was cancelled and came`);
  const { pending } = world.services.schedules;
  if (pending !== 0) faults.push(`${pending} are said to wait`);
  const rows = await world.kv.entries('timer/');
  const left = rows.filter(([key]) => key !== 'timer/state');
  if (left.length > 0) faults.push(`rows are left: ${left.map(([key]) => key).join(' ')}`);
  await world.stopDelays();
  await world.close();
  return faults.map((fault) => `after ${moment.what}, seed ${seed}: ${fault}`);
}

test('every power cut while messages come, wait, move, are cancelled and delivered', async () => {
  const workload = new Workload(11);
  await workload.open();
  await workload.rounds(30);
  await workload.world.clock.advance(2_000);
  const faults: string[] = [];
  for (const [index, moment] of workload.moments.entries())
    for (let crash = 0; crash < CRASHES_PER_MOMENT; crash++)
      faults.push(...(await judge(moment, index * 10 + crash, HOUR_MS)));
  expect(faults).toEqual([]);
  expect(workload.moments.length).toBeGreaterThan(100);
  expect(workload.moments.at(-1)?.mustCome.length).toBeGreaterThan(10);
  expect(workload.moments.at(-1)?.mustNotCome.length).toBeGreaterThan(2);
}, 120_000);

test('every power cut while the log gives up segments in which messages wait', async () => {
  const workload = new Workload(12, 3);
  await workload.open();
  const { clock, store } = workload.world;
  for (let filled = 0; filled < 30; filled++) {
    workload.send({ TIMER_DELIVER_MS: String(clock.now() + HOUR_MS + filled) }, 100_000);
    await clock.advance(300);
  }
  clock.stepWallClock(120_000);
  await clock.advance(70_000);
  workload.send({ TIMER_DELAY_MS: '1000' });
  const expiring = store.expire();
  await clock.advance(11_000);
  await expiring;
  expect(store.logStart).toBeGreaterThan(0);
  const faults: string[] = [];
  for (const [index, moment] of workload.moments.entries())
    faults.push(...(await judge(moment, index, 2 * HOUR_MS)));
  expect(faults).toEqual([]);
  expect(workload.moments.at(-1)?.mustCome.length).toBe(31);
}, 120_000);
