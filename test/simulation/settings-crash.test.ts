import type { Durability } from '@cometmq/broker/store/log/durability';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { expect, test } from 'vitest';
import { SettingsWorld } from '../support/crash-states/settings-world.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';
import type { SimulatedKeyValueStore } from '../support/simulated-key-value-store.ts';

// Topics, groups and consumer offsets beside the store: the power goes before each operation of either, and what is left
// of the two is put together in every way. Acknowledged settings are there, removed topics leave nothing behind, and no
// group is behind the end of its queue.

const TOPICS = ['a', 'b', 'c'];
const GROUP = 'readers';

/** Texts of a setting that a start may find; undefined is its absence. */
type Possible = readonly (string | undefined)[];

interface Moment {
  readonly disk: SimulatedDisk;
  readonly kv: SimulatedKeyValueStore;
  readonly settings: ReadonlyMap<string, Possible>;
  /** Bodies of each topic that were sent, and how many of them must be there. */
  readonly messages: ReadonlyMap<string, { readonly bodies: readonly string[]; readonly kept: number }>;
  /** Offsets of the group by topic: any of these may have been saved. */
  readonly offsets: ReadonlyMap<string, readonly number[]>;
}

class Workload {
  readonly moments: Moment[] = [];
  readonly #world: SettingsWorld;
  readonly #random: SeededRandom;
  readonly #durability: Durability;
  readonly #settings = new Map<string, Possible>();
  readonly #bodies = new Map<string, string[]>();
  readonly #kept = new Map<string, number>();
  /** Values that were committed, and the first of them that may be the saved one. */
  readonly #offsets = new Map<string, { readonly values: number[]; oldest: number }>();
  readonly #busy = new Set<string>();
  #count = 0;

  constructor(world: SettingsWorld, seed: number, durability: Durability) {
    this.#world = world;
    this.#random = new SeededRandom(seed);
    this.#durability = durability;
  }

  async run(): Promise<void> {
    const { store, kv } = this.#world;
    const wait = (): Promise<void> =>
      new Promise((done) => store.clock.setTimer(this.#random.below(4), done));
    kv.hook = () => this.#note();
    kv.gate = wait;
    store.disk.hook = ({ kind }) => {
      if (kind !== 'read' && kind !== 'open') this.#note();
    };
    for (let round = 0; round < 60; round++) {
      this.#step();
      await store.clock.advance(this.#random.below(4));
    }
  }

  #note(): void {
    const { store, kv } = this.#world;
    const messages = new Map(
      [...this.#bodies].map(([topic, bodies]) => {
        const seen = this.#durability === 'synced' ? this.#world.end(topic) : 0;
        return [topic, { bodies: [...bodies], kept: Math.max(seen, this.#kept.get(topic) ?? 0) }];
      }),
    );
    this.moments.push({
      disk: store.disk.clone(),
      kv: kv.clone(),
      settings: new Map(this.#settings),
      messages,
      offsets: new Map(
        [...this.#offsets].map(([topic, { values, oldest }]) => [topic, values.slice(oldest)]),
      ),
    });
  }

  #step(): void {
    const topic = TOPICS[this.#random.below(TOPICS.length)] ?? 'a';
    const choice = this.#random.below(12);
    if (choice < 2) this.#putTopic(topic);
    else if (choice < 3) this.#removeTopic(topic);
    else if (choice < 4) this.#putGroup();
    else if (choice < 7) this.#commit(topic);
    else if (choice < 8) this.#flush(this.#random.below(2) === 0);
    else this.#send(topic);
  }

  /** A change of a setting: until it is answered both values are possible. */
  #change(key: string, text: string | undefined, work: () => Promise<unknown>): void {
    if (this.#busy.has(key)) return;
    this.#busy.add(key);
    const before = this.#settings.get(key) ?? [undefined];
    this.#settings.set(key, [...before, text]);
    work().then(
      () => {
        this.#settings.set(key, [text]);
        this.#busy.delete(key);
      },
      () => undefined,
    );
  }

  #putTopic(name: string): void {
    const config = topicConfig(name, 1 + this.#random.below(8));
    this.#change(`topic/${name}`, JSON.stringify(config), () => this.#world.topics.put(config));
  }

  #removeTopic(name: string): void {
    const key = `topic/${name}`;
    if (this.#world.topics.find(name) === undefined) return;
    this.#change(key, undefined, async () => {
      // Nobody commits to a topic that is being removed.
      this.#kept.set(name, 0);
      await this.#world.removeTopic(name);
      this.#bodies.delete(name);
      this.#offsets.delete(name);
    });
  }

  #putGroup(): void {
    const name = `g${this.#random.below(2)}`;
    const key = `group/${name}`;
    if (this.#random.below(3) === 0) this.#change(key, undefined, () => this.#world.groups.remove(name));
    else {
      const config = { ...subscriptionGroupConfig(name), retryMaxTimes: this.#random.below(16) };
      this.#change(key, JSON.stringify(config), () => this.#world.groups.put(config));
    }
  }

  #isUsable(topic: string): boolean {
    return this.#world.topics.find(topic) !== undefined && !this.#busy.has(`topic/${topic}`);
  }

  #send(topic: string): void {
    if (!this.#isUsable(topic)) return;
    const body = `${topic}${this.#count++}`;
    const bodies = this.#bodies.get(topic) ?? [];
    this.#bodies.set(topic, bodies);
    const isUnwaited = this.#random.below(3) === 0;
    this.#world.store.append({ topic, body, durability: isUnwaited ? 'written' : 'synced' });
    const end = bodies.push(body);
    if (isUnwaited) return;
    void this.#world.store.store.whenDurable('synced').then(() => {
      if (this.#bodies.get(topic) === bodies && !this.#busy.has(`topic/${topic}`))
        this.#kept.set(topic, Math.max(end, this.#kept.get(topic) ?? 0));
    });
  }

  #commit(topic: string): void {
    if (!this.#isUsable(topic)) return;
    const offset = this.#world.end(topic);
    const saved = this.#offsets.get(topic) ?? { values: [0], oldest: 0 };
    if (saved.values.at(-1) === offset) return;
    this.#world.offsets.commit(GROUP, topic, 0, offset);
    saved.values.push(offset);
    this.#offsets.set(topic, saved);
  }

  #flush(sync: boolean): void {
    const newest = [...this.#offsets.values()].map((saved) => [saved, saved.values.length - 1] as const);
    void this.#world.offsets.flush(sync).then(() => {
      if (sync) for (const [saved, index] of newest) saved.oldest = Math.max(saved.oldest, index);
    });
  }
}

async function judge(
  moment: Moment,
  seed: number,
  survivors: number,
  durability: Durability,
): Promise<number> {
  const world = await SettingsWorld.open(durability, moment.disk.crash({ seed }), moment.kv.crash(survivors));
  if (durability === 'synced') expect(world.movedOffsets, 'offsets behind the end').toBe(0);
  for (const [key, possible] of moment.settings) {
    const found = await world.kv.get(key);
    if (!possible.includes(found)) throw new Error(`${key} is ${found}, not one of ${possible.join(' or ')}`);
  }
  for (const topic of TOPICS) {
    const { bodies, kept } = moment.messages.get(topic) ?? { bodies: [], kept: 0 };
    const found = world.store.bodies(topic);
    if (world.topics.find(topic) === undefined) expect(found, `${topic} was removed`).toEqual([]);
    else {
      expect(found, topic).toEqual(bodies.slice(0, found.length));
      expect(found.length, `messages of ${topic}`).toBeGreaterThanOrEqual(kept);
    }
    const offset = world.offsets.find(GROUP, topic, 0) ?? 0;
    expect(offset, `offset in ${topic}`).toBeLessThanOrEqual(found.length);
    if (world.topics.find(topic) !== undefined && durability === 'synced')
      expect(moment.offsets.get(topic) ?? [0], `offset in ${topic}`).toContain(offset);
  }

  // A topic that is made again begins at 0.
  for (const topic of TOPICS) {
    if (world.topics.find(topic) !== undefined) continue;
    await world.topics.put(topicConfig(topic, 1));
    expect((await world.store.send({ topic, body: 'anew' })).queueOffset).toBe(0);
  }
  const again = await SettingsWorld.open(
    durability,
    world.store.disk.crash({ seed: 0, keep: 0 }),
    world.kv.crash(0),
  );
  for (const topic of TOPICS) expect(again.store.bodies(topic)).toEqual(world.store.bodies(topic));
  return world.movedOffsets;
}

test.each(['synced', 'written'] as const)(
  'no power cut breaks what was answered about settings and offsets: %s',
  { timeout: 120_000 },
  async (durability) => {
    let [states, moved] = [0, 0];
    for (let seed = 1; seed <= 6; seed++) {
      const workload = new Workload(await SettingsWorld.open(durability), seed, durability);
      await workload.run();
      for (const [index, moment] of workload.moments.entries()) {
        for (let survivors = 0; survivors <= moment.kv.unsynced; survivors++) {
          for (let crash = 0; crash < 3; crash++) {
            try {
              moved += await judge(moment, crash, survivors, durability);
            } catch (error) {
              throw new Error(
                `seed ${seed}, operation ${index}, ${survivors} batches survive, crash seed ${crash}`,
                { cause: error },
              );
            }
            states++;
          }
        }
      }
    }
    expect(states).toBeGreaterThan(2_000);
    // The point of moving them: without a sync there are offsets behind the end.
    if (durability === 'written') expect(moved).toBeGreaterThan(0);
  },
);
