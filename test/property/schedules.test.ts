// Timed messages against a naive model: random sends, cancels, moves, passing time and restarts, with so little memory for
// the next ones that most wait as rows.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DelayLevels } from '@cometmq/broker/delay/delay-levels';
import { delayTagsCodeRule } from '@cometmq/broker/delay/delay-queue';
import { Schedules } from '@cometmq/broker/delay/schedules';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { TopicTable } from '@cometmq/broker/topic/topic-table';
import { silentLogger } from '@cometmq/common/logging/logger';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { StoreWorld, appendRequest, propertyText } from '../support/store-world.ts';

type Step =
  | { readonly kind: 'send'; readonly delayMs: number }
  | { readonly kind: 'cancel' | 'find'; readonly index: number }
  | { readonly kind: 'move'; readonly index: number; readonly delayMs: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'restart' };

const delay = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.integer({ min: 1, max: 400_000 }),
  fc.constant(1_000),
);
const index = fc.nat(60);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('send' as const), delayMs: delay }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'find' as const), index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move' as const), index, delayMs: delay }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

interface Modelled {
  readonly key: string;
  dueAt: number;
  state: 'waiting' | 'cancelled' | 'delivered';
}

class Run {
  readonly #world = new StoreWorld({
    tagsCodeRule: delayTagsCodeRule(new DelayLevels('1s')),
    segmentSizeBytes: 1024 * 1024,
    checkpointIntervalMs: 1_000_000,
    syncIntervalMs: 1_000_000,
  });
  readonly #kv = new MemoryKeyValueStore();
  readonly #model: Modelled[] = [];
  #schedules!: Schedules;

  async open(): Promise<void> {
    const store = await this.#world.open();
    const { clock } = this.#world;
    const topics = new TopicTable(clock, this.#kv, store.queues);
    await topics.load();
    await topics.putAll([topicConfig('orders', 1)]);
    const settings = { schedulePendingMax: 1_000, scheduleDelayMaxMs: 86_400_000 };
    const base = {
      clock,
      log: silentLogger,
      store,
      topics,
      kv: this.#kv,
      durability: 'synced',
      settings,
    } as const;
    this.#schedules = new Schedules({ ...base, nearMax: 6 });
    await this.#schedules.load();
    this.#schedules.start();
    await clock.settle();
  }

  async close(): Promise<void> {
    await this.#schedules.stop();
    await this.#world.close();
  }

  async take(next: Step): Promise<void> {
    switch (next.kind) {
      case 'send':
        return this.#send(next.delayMs);
      case 'pass':
        await this.#world.clock.advance(next.ms);
        await this.#world.clock.settle();
        {
          this.compare();
          return;
        }
      case 'restart':
        await this.close();
        return this.open();
      default:
        return this.#change(next);
    }
  }

  async #send(delayMs: number): Promise<void> {
    const { store, clock } = this.#world;
    const key = `k${this.#model.length}`;
    const properties = propertyText({ UNIQ_KEY: key, TIMER_DELAY_MS: String(delayMs) });
    const request = appendRequest(store.queues.get('orders', 0), Buffer.from(key), properties);
    const dueAt = this.#schedules.divert(request) ?? 0;
    expect(dueAt).toBe(clock.now() + delayMs);
    store.append(request, 'synced', { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 });
    await clock.settle();
    this.#model.push({ key, dueAt, state: 'waiting' });
  }

  async #change(next: Extract<Step, { readonly index: number }>): Promise<void> {
    const { clock } = this.#world;
    const { operations } = this.#schedules;
    const modelled = this.#model[next.index];
    const key = modelled?.key ?? 'nobody';
    if (next.kind === 'find') {
      const [found] = await operations.find('orders', key);
      const waiting = found === undefined ? undefined : await operations.waiting(found);
      expect(waiting?.dueAt).toBe(modelled?.state === 'waiting' ? modelled.dueAt : undefined);
      return;
    }
    const toDueAt = next.kind === 'move' ? clock.now() + next.delayMs : 0;
    const changing =
      next.kind === 'move' ? operations.move('orders', key, toDueAt) : operations.cancel('orders', key);
    await clock.settle();
    const past = modelled?.state === 'cancelled' ? 'CANCELLED' : 'ALREADY_DELIVERED';
    const expected = modelled === undefined ? 'NOT_FOUND' : modelled.state === 'waiting' ? 'DONE' : past;
    expect(await changing).toBe(expected);
    if (modelled?.state !== 'waiting') return;
    if (next.kind === 'move') modelled.dueAt = toDueAt;
    else modelled.state = 'cancelled';
  }

  /** What has come is what the model says, each at its time. */
  compare(): void {
    const now = this.#world.clock.now();
    for (const modelled of this.#model)
      if (modelled.state === 'waiting' && modelled.dueAt <= now) modelled.state = 'delivered';
    const delivered = this.#model.filter(({ state }) => state === 'delivered');
    const came = this.#world.messages('orders').map((message) => message?.body.toString() ?? '');
    expect([...came].sort()).toEqual(delivered.map(({ key }) => key).sort());
    const dueAt = new Map(this.#model.map((modelled) => [modelled.key, modelled.dueAt]));
    for (const message of this.#world.messages('orders'))
      expect(message?.storeTimestamp).toBe(dueAt.get(message?.body.toString() ?? ''));
    expect(this.#schedules.pending).toBe(this.#model.filter(({ state }) => state === 'waiting').length);
  }
}

test('timed messages do what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const run = new Run();
      await run.open();
      for (const next of steps) await run.take(next);
      await run.take({ kind: 'pass', ms: 1_000_000 });
      await run.close();
    }),
    { numRuns: 40, seed: 20_260_102 },
  );
}, 60_000);
