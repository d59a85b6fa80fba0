import { expect, test } from 'vitest';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { BrokerWorld } from '../support/broker-world.ts';
import { FaultyKeyValueStore, KeyValueBatches } from '../support/faulty-key-value-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { Popped } from '../support/pop-world.ts';
import { GROUP, acknowledge, pop, sendTexts } from '../support/pop-world.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

// Cuts the power after every single disk operation, and around every write of settings, while a group pops,
// acknowledges, extends, and gets back what it did not acknowledge; and judges what the next start gives out.

/** What the consumers know of one message. */
interface Known {
  /** The acknowledgement was sent. */
  isBegun: boolean;
  /** It was answered. */
  isAcknowledged: boolean;
}

interface Moment {
  readonly disk: SimulatedDisk;
  readonly batches: KeyValueBatches;
  readonly nowMs: number;
  /** By body; only messages whose sends were answered. */
  readonly known: ReadonlyMap<string, Known>;
}

const SETTINGS: Partial<BrokerConfig> = { segmentSizeBytes: 2 ** 20 };
const ORDERED = 'GID_ordered';
const LEASE_MS = 30_000;
/** Longer than any lease that is left at a crash. */
const ROUND_MS = 70_000;

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
  readonly moments: Moment[] = [];
  readonly known = new Map<string, Known>();
  world!: BrokerWorld;
  readonly #disk = new SimulatedDisk();
  readonly #batches = new KeyValueBatches();
  readonly #clock = new ManualClock();

  async open(): Promise<void> {
    this.world = await BrokerWorld.open(SETTINGS, {
      clock: this.#clock,
      disk: this.#disk,
      kv: new NotingStore(this.#batches, () => {
        this.note();
      }),
    });
    this.#disk.hook = ({ kind }) => {
      if (kind !== 'read' && kind !== 'open') this.note();
    };
    this.world.services.pops.start();
  }

  note(): void {
    const known = new Map([...this.known].map(([body, facts]) => [body, { ...facts }]));
    const nowMs = this.#clock.now();
    this.moments.push({ disk: this.#disk.clone(), batches: this.#batches.clone(), nowMs, known });
  }

  async send(bodies: readonly string[], topic = 'orders'): Promise<void> {
    await sendTexts(this.world, bodies, { topic });
    for (const body of bodies) this.known.set(body, { isBegun: false, isAcknowledged: false });
  }

  async acknowledge(messages: readonly Popped[]): Promise<void> {
    const facts = messages.map(({ body }) => this.known.get(body)!);
    for (const one of facts) one.isBegun = true;
    expect(await acknowledge(this.world, messages)).toEqual(messages.map(() => true));
    for (const one of facts) one.isAcknowledged = true;
  }
}

async function live(): Promise<Life> {
  const life = new Life();
  await life.open();
  const { world } = life;
  const { services, clock } = world;
  await services.topics.put(topicConfig('orders', 1));
  await services.topics.put(topicConfig('steps', 1));
  await services.groups.put({ ...subscriptionGroupConfig(GROUP), retryMaxTimes: 100 });
  await life.send(['a', 'b', 'c', 'd', 'e', 'f']);
  await life.send(['1', '2', '3', '4'], 'steps');
  const first = pop(world, { countMax: 3, invisibleMs: LEASE_MS });
  await life.acknowledge(first.slice(0, 1));
  await services.pops.service.extend(first[1]!.lease, 60_000);
  const second = pop(world, { countMax: 3, invisibleMs: LEASE_MS });
  await life.acknowledge([second[0]!, second[2]!]);
  // Saves what there is.
  await clock.advance(1_500);
  const steps = {
    group: ORDERED,
    topic: 'steps',
    isOrdered: true,
    countMax: 3,
    invisibleMs: LEASE_MS,
  } as const;
  const batch = pop(world, steps);
  await life.acknowledge([batch[0]!, batch[1]!]);
  // Leases end: copies go into the retry topic, the ordered queue is free.
  await clock.advance(LEASE_MS + 500);
  const retries = pop(world, { invisibleMs: LEASE_MS });
  expect(retries.map(({ body }) => body).sort()).toEqual(['c', 'e']);
  await life.acknowledge(retries.slice(0, 1));
  const again = pop(world, steps);
  expect(again.map(({ body }) => body)).toEqual(['3', '4']);
  await life.acknowledge(again.slice(0, 1));
  await clock.advance(1_500);
  life.note();
  return life;
}

/** What of the settings survives: all that was synced, and the seed says how much of the rest. */
function crashed(batches: KeyValueBatches, seed: number): KeyValueBatches {
  const left = batches.synced();
  const more = batches.all.slice(left.all.length);
  left.all.push(...more.slice(0, Math.round((more.length * (seed % 3)) / 2)));
  return left;
}

/** Pops again and again without acknowledging, and returns the bodies of each round. */
async function rounds(world: BrokerWorld, count: number): Promise<string[][]> {
  const all: string[][] = [];
  const { topics } = world.services;
  for (let round = 0; round < count; round++) {
    const bodies: string[] = [];
    if (topics.find('orders')) bodies.push(...pop(world, { invisibleMs: LEASE_MS }).map(({ body }) => body));
    if (topics.find('steps')) {
      const steps = { group: ORDERED, topic: 'steps', isOrdered: true, invisibleMs: LEASE_MS } as const;
      const batch = pop(world, steps).map(({ body }) => body);
      expect(batch).toEqual([...batch].sort());
      bodies.push(...batch);
    }
    all.push(bodies);
    await world.clock.advance(ROUND_MS);
  }
  return all;
}

test('a power cut anywhere: nothing acknowledged comes again, all else does, each once at a time', async () => {
  const life = await live();
  expect(life.moments.length).toBeGreaterThan(60);
  for (const [index, moment] of life.moments.entries()) {
    const seed = index;
    const world = await BrokerWorld.open(SETTINGS, {
      clock: new ManualClock(moment.nowMs),
      disk: moment.disk.crash({ seed }),
      kv: new FaultyKeyValueStore(crashed(moment.batches, seed), undefined),
    });
    world.services.pops.start();
    // Leases that were given out before the cut must end before the last rounds.
    const given = await rounds(world, 3);
    const where = `crash ${index}`;
    for (const bodies of given) expect([where, bodies]).toEqual([where, [...new Set(bodies)]]);
    const last = given.slice(1).flat();
    for (const [body, { isBegun, isAcknowledged }] of moment.known) {
      if (isAcknowledged) expect([where, body, given.flat().includes(body)]).toEqual([where, body, false]);
      else if (!isBegun) expect([where, body, last.includes(body)]).toEqual([where, body, true]);
    }
    await world.services.pops.stop();
  }
}, 120_000);
