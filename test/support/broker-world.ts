// A broker's services over a store on a simulated disk, with time that the test moves.
import { brokerServices } from '@cometmq/broker/broker-services';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import { DelayLevels } from '@cometmq/broker/delay/delay-levels';
import { delayTagsCodeRule } from '@cometmq/broker/delay/delay-queue';
import type { BrokerServices } from '@cometmq/broker/service/broker-services';
import type { SendRequest } from '@cometmq/broker/service/request-types';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { MessageStore } from '@cometmq/broker/store/message-store';
import { planRead } from '@cometmq/broker/store/read-plan';
import { systemTopics } from '@cometmq/broker/topic/system-topics';
import { silentLogger } from '@cometmq/common/logging/logger';
import { encodeHost } from '@cometmq/common/message/host';
import type { StoredMessage } from '@cometmq/common/message/message';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { encodeProperties } from '@cometmq/common/message/properties';
import { ManualClock } from './manual-clock.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const ADDRESS = '127.0.0.1';
const PORT = 10_911;
const SEGMENT_SIZE = 16 * 1024 * 1024;

export class BrokerWorld {
  readonly clock: ManualClock;
  readonly disk: SimulatedDisk;
  readonly kv: MemoryKeyValueStore;
  readonly store: MessageStore;
  readonly services: BrokerServices;

  private constructor(
    clock: ManualClock,
    disk: SimulatedDisk,
    kv: MemoryKeyValueStore,
    store: MessageStore,
    config: BrokerConfig,
    levels: DelayLevels,
  ) {
    this.clock = clock;
    this.disk = disk;
    this.kv = kv;
    this.store = store;
    this.services = brokerServices({
      clock,
      random: new SeededRandom(),
      log: silentLogger,
      config,
      store,
      kv,
      levels,
      advertisedAddress: ADDRESS,
      advertisedPort: PORT,
      processId: 4711,
    });
  }

  /** Opens a broker on a new disk, or on what another one left. */
  static async open(
    config: Partial<BrokerConfig> = {},
    left: { readonly clock: ManualClock; readonly disk: SimulatedDisk; readonly kv: MemoryKeyValueStore } = {
      clock: new ManualClock(),
      disk: new SimulatedDisk(),
      kv: new MemoryKeyValueStore(),
    },
  ): Promise<BrokerWorld> {
    const settings = brokerConfigSchema.parse({ segmentSizeBytes: SEGMENT_SIZE, ...config });
    const levels = new DelayLevels(settings.delayLevels);
    const store = await MessageStore.open({
      disk: left.disk,
      clock: left.clock,
      log: silentLogger,
      directory: '/store',
      segmentSizeBytes: settings.segmentSizeBytes,
      tailChunks: 2,
      durability: 'synced',
      syncIntervalMs: 100,
      checkpointIntervalMs: 1_000,
      retentionMs: settings.retentionMs,
      logSizeMaxBytes: settings.logSizeMaxBytes,
      storeHost: encodeHost(ADDRESS, PORT),
      tagsCodeRule: delayTagsCodeRule(levels),
    });
    const world = new BrokerWorld(left.clock, left.disk, left.kv, store, settings, levels);
    const { topics, groups, offsets, pops } = world.services;
    await topics.load();
    await groups.load();
    await offsets.load();
    await pops.load();
    await topics.finishRemovals(async (name) => {
      await offsets.removeTopic(name);
      await store.dropTopic(name);
    });
    await topics.putAll(
      systemTopics({
        brokerName: settings.name,
        clusterName: settings.cluster,
        autoCreateTopic: settings.autoCreateTopic,
        traceTopic: settings.traceTopic,
        defaultTopicQueues: settings.defaultTopicQueues,
        delayLevels: levels.count,
      }),
    );
    await world.services.openTransactions.load();
    await world.services.modes.load();
    return world;
  }

  /** Delayed and timed messages are delivered from now on. */
  async startDelays(): Promise<void> {
    await this.services.schedules.load();
    this.services.delivery.start();
    this.services.schedules.start();
  }

  async stopDelays(): Promise<void> {
    await this.services.delivery.stop();
    await this.services.schedules.stop();
  }

  /** The readable messages of a queue. */
  read(topic: string, queueId = 0): StoredMessage[] {
    const messages: StoredMessage[] = [];
    const queue = this.services.topics.find(topic)?.existingQueue(queueId);
    for (let offset = queue?.min ?? 0; ;) {
      const plan = planRead(queue, offset, 32, 1 << 20, undefined, this.store.logStart);
      if (plan.status !== 'FOUND') return messages;
      const records = Buffer.alloc(plan.totalSize);
      if (!this.store.copyRecords(plan, records, 0)) throw new Error('a planned record is gone');
      messages.push(...decodeMessages(records));
      offset = plan.nextOffset;
    }
  }

  /** Closes the store; time moves meanwhile, because making the spare segment pauses between its steps. */
  async close(): Promise<void> {
    const state = { isClosed: false };
    const closing = this.store.close().finally(() => {
      state.isClosed = true;
    });
    while (!state.isClosed) await this.clock.advance(10);
    await closing;
  }
}

/** A message as a producer sends it; change what matters. */
export function sendRequest(
  topic: string,
  properties: Record<string, string> = {},
  change: Partial<SendRequest> = {},
): SendRequest {
  return {
    topic,
    queueId: 0,
    producerGroup: 'PG',
    defaultTopic: 'TBW102',
    defaultTopicQueues: 4,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornAddress: '10.0.0.7',
    bornPort: 50_123,
    reconsumeTimes: 0,
    maxReconsumeTimes: undefined,
    body: Buffer.from('hello'),
    properties: Buffer.from(
      encodeProperties(
        new Map(Object.entries({ UNIQ_KEY: 'C0A8000100002A9F0000000000000001', ...properties })),
      ),
    ),
    ...change,
  };
}
