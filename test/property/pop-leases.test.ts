import fc from 'fast-check';
import { expect, test } from 'vitest';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { BrokerWorld } from '../support/broker-world.ts';
import { FaultyKeyValueStore, KeyValueBatches } from '../support/faulty-key-value-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { Popped } from '../support/pop-world.ts';
import { GROUP, acknowledge, pop, sendTexts } from '../support/pop-world.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

// Random lives of leases against a model that is a list of messages with the time when each may be given out.

/** After a lease ended, a message may take this long until it is given out: a tick, and a write of the log. */
const GRACE_MS = 400;

type Step =
  | { readonly kind: 'send'; readonly count: number; readonly queueId: number }
  | { readonly kind: 'pop'; readonly count: number; readonly invisibleMs: number }
  | { readonly kind: 'acknowledge'; readonly which: number }
  | { readonly kind: 'extend'; readonly which: number; readonly invisibleMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'crash'; readonly seed: number };

interface ModelMessage {
  readonly body: string;
  isAcknowledged: boolean;
  /** ms of the clock; undefined while nobody had it. */
  leasedUntil: number | undefined;
  deliveries: number;
  /** The only name that counts. */
  current: Popped | undefined;
}

const invisible = fc.constantFrom(1_000, 5_000, 30_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('send' as const),
    count: fc.integer({ min: 1, max: 5 }),
    queueId: fc.nat(1),
  }),
  fc.record({
    kind: fc.constant('pop' as const),
    count: fc.integer({ min: 1, max: 6 }),
    invisibleMs: invisible,
  }),
  fc.record({ kind: fc.constant('acknowledge' as const), which: fc.nat(100) }),
  fc.record({ kind: fc.constant('extend' as const), which: fc.nat(100), invisibleMs: invisible }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(300, 1_100, 6_000, 40_000) }),
  fc.record({ kind: fc.constant('crash' as const), seed: fc.nat(1_000) }),
);

class Run {
  readonly messages = new Map<string, ModelMessage>();
  /** Every name that was ever given out, stale ones too. */
  readonly handles: Popped[] = [];
  world!: BrokerWorld;
  #disk = new SimulatedDisk();
  #clock = new ManualClock();
  #settings = new KeyValueBatches();

  async open(): Promise<void> {
    const kv = new FaultyKeyValueStore(this.#settings, undefined);
    this.world = await BrokerWorld.open({}, { clock: this.#clock, disk: this.#disk, kv });
    const { groups, topics, pops } = this.world.services;
    await topics.put(topicConfig('orders', 2));
    await groups.put({ ...subscriptionGroupConfig(GROUP), retryMaxTimes: 10_000 });
    pops.start();
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'send':
        return this.#send(one.count, one.queueId);
      case 'pop':
        return this.#pop(one.count, one.invisibleMs);
      case 'acknowledge':
        return this.#acknowledge(this.handles[one.which % Math.max(this.handles.length, 1)]);
      case 'extend':
        return this.#extend(this.handles[one.which % Math.max(this.handles.length, 1)], one.invisibleMs);
      case 'wait':
        return this.world.clock.advance(one.ms);
      case 'crash':
        // A clock of its own: what is left of the dead process must not go on.
        this.#clock = new ManualClock(this.#now);
        this.#disk = this.#disk.crash({ seed: one.seed });
        this.#settings = this.#settings.synced();
        return this.open();
    }
  }

  /** What nobody acknowledged is all there still. */
  async finish(): Promise<void> {
    await this.world.clock.advance(40_000);
    for (let round = 0; round < 20; round++) await this.#pop(32, 30_000);
    for (const { body, isAcknowledged, leasedUntil } of this.messages.values()) {
      expect([body, isAcknowledged || (leasedUntil ?? 0) > this.#now]).toEqual([body, true]);
    }
    await this.world.services.pops.stop();
  }

  get #now(): number {
    return this.#clock.now();
  }

  async #send(count: number, queueId: number): Promise<void> {
    const bodies = Array.from({ length: count }, (_, index) => `m${this.messages.size + index}`);
    await this.#during(sendTexts(this.world, bodies, { queueId }));
    for (const body of bodies) {
      const state = { isAcknowledged: false, leasedUntil: undefined, deliveries: 0, current: undefined };
      this.messages.set(body, { body, ...state });
    }
  }

  async #pop(countMax: number, invisibleMs: number): Promise<void> {
    const now = this.#now;
    const popped = pop(this.world, { countMax, invisibleMs });
    expect(popped.length).toBeLessThanOrEqual(countMax);
    for (const one of popped) {
      const message = this.messages.get(one.body)!;
      expect([one.body, message.isAcknowledged, (message.leasedUntil ?? 0) <= now]).toEqual([
        one.body,
        false,
        true,
      ]);
      expect([one.body, one.reconsumeTimes]).toEqual([one.body, message.deliveries]);
      Object.assign(message, {
        current: one,
        leasedUntil: now + invisibleMs,
        deliveries: message.deliveries + 1,
      });
      this.handles.push(one);
    }
    if (popped.length < countMax) {
      // Nothing that may be given out was held back.
      for (const { body, isAcknowledged, leasedUntil = 0 } of this.messages.values()) {
        if (!isAcknowledged) expect([body, leasedUntil + GRACE_MS > now]).toEqual([body, true]);
      }
    }
    // The note is on the disk before anything else happens.
    await this.world.clock.settle();
  }

  async #acknowledge(handle: Popped | undefined): Promise<void> {
    if (handle === undefined) return;
    const message = this.messages.get(handle.body)!;
    const expected = this.#isValid(message, handle);
    const [isDone] = await this.#during(acknowledge(this.world, [handle]));
    if (expected !== undefined) expect([handle.body, isDone]).toEqual([handle.body, expected]);
    if (isDone === true) message.isAcknowledged = true;
  }

  async #extend(handle: Popped | undefined, invisibleMs: number): Promise<void> {
    if (handle === undefined) return;
    const message = this.messages.get(handle.body)!;
    const expected = this.#isValid(message, handle);
    const now = this.#now;
    const lease = await this.#during(this.world.services.pops.service.extend(handle.lease, invisibleMs));
    if (expected !== undefined) expect([handle.body, lease !== undefined]).toEqual([handle.body, expected]);
    if (lease === undefined) return;
    const renewed = { ...handle.lease, popTime: lease.popTime, startOffset: handle.lease.offset };
    const current = { ...handle, lease: renewed };
    this.handles.push(current);
    Object.assign(message, { current, leasedUntil: now + invisibleMs });
  }

  /** Some work of the store waits for time to pass, if only for a little. */
  async #during<T>(work: Promise<T>): Promise<T> {
    const state = { isDone: false };
    const settled = work.finally(() => {
      state.isDone = true;
    });
    await this.#clock.settle();
    while (!state.isDone) await this.#clock.advance(5);
    return settled;
  }

  /** Undefined around the end of the lease. */
  #isValid(message: ModelMessage, handle: Popped): boolean | undefined {
    if (message.current !== handle || message.isAcknowledged) return false;
    const left = (message.leasedUntil ?? 0) - this.#now;
    if (left > GRACE_MS) return true;
    return left < -GRACE_MS ? false : undefined;
  }
}

test('leases do what a list of messages with due times does, over power cuts as well', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
    const run = new Run();
    await run.open();
    for (const one of steps) await run.take(one);
    await run.finish();
  });
  await fc.assert(property, { numRuns: 25, endOnFailure: true, seed: 20_261_121 });
}, 120_000);
