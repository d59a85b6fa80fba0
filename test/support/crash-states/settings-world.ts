import { ConsumerOffsets } from '@cometmq/broker/offset/consumer-offsets';
import { GroupTable } from '@cometmq/broker/group/group-table';
import { TopicTable } from '@cometmq/broker/topic/topic-table';
import type { StoreOptions } from '@cometmq/broker/store/store-options';
import type { SimulatedDisk } from '../simulated-disk.ts';
import { SimulatedKeyValueStore } from '../simulated-key-value-store.ts';
import { StoreWorld } from '../store-world.ts';
import { SMALL_STORE } from './plan.ts';

/** What a broker keeps: messages in the store; topics, groups and offsets beside it. Started as the broker does. */
export class SettingsWorld {
  readonly kv: SimulatedKeyValueStore;
  readonly store: StoreWorld;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly offsets: ConsumerOffsets;
  /** Offsets that were behind the end of their queue at the start. */
  movedOffsets = 0;

  private constructor(store: StoreWorld, kv: SimulatedKeyValueStore) {
    this.store = store;
    this.kv = kv;
    this.topics = new TopicTable(store.clock, kv, store.store.queues);
    this.groups = new GroupTable(store.clock, kv, { autoCreateGroup: true });
    this.offsets = new ConsumerOffsets(kv);
  }

  static async open(
    durability: StoreOptions['durability'],
    disk?: SimulatedDisk,
    kv = new SimulatedKeyValueStore(),
  ): Promise<SettingsWorld> {
    const store = new StoreWorld({ ...SMALL_STORE, durability }, disk);
    await store.open();
    const world = new SettingsWorld(store, kv);
    await world.topics.load();
    await world.groups.load();
    await world.offsets.load();
    await world.topics.finishRemovals((name) => world.#cleanUp(name));
    world.movedOffsets = world.offsets.limitTo((topic, queueId) => world.end(topic, queueId));
    return world;
  }

  end(topic: string, queueId = 0): number {
    return this.store.store.queues.find(topic, queueId)?.max ?? 0;
  }

  removeTopic(name: string): Promise<void> {
    return this.topics.remove(name, () => this.#cleanUp(name));
  }

  async #cleanUp(name: string): Promise<void> {
    await this.offsets.removeTopic(name);
    await this.store.store.dropTopic(name);
  }
}
