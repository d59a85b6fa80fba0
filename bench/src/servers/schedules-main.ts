/**
 * One step of the schedules scenario in a process of its own: a broker's services over a data folder, without sockets.
 * Arguments: data folder, step (`insert`, `start`, `fire`), messages, ms that the clock is ahead. Prints one line of JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { brokerServices } from '@cometmq/broker/broker-services';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import { DelayLevels } from '@cometmq/broker/delay/delay-levels';
import { delayTagsCodeRule } from '@cometmq/broker/delay/delay-queue';
import { settingsStore } from '@cometmq/broker/store/kv/settings-store';
import { MessageStore } from '@cometmq/broker/store/message-store';
import { systemTopics } from '@cometmq/broker/topic/system-topics';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { createPinoLogger } from '@cometmq/common/logging/pino-logger';
import { encodeHost } from '@cometmq/common/message/host';
import { SystemRandom } from '@cometmq/common/random/system-random';

const HOST = '127.0.0.1';
const PORT = 10_911;
const BODY = Buffer.alloc(128, 'x');
const HORIZON_MS = 40 * 86_400_000;
const FIRST_MS = 60_000;
const OUTSTANDING = 512;

const [dataDir = '', step = '', countText = '', aheadText = '0'] = process.argv.slice(2);
const count = Number(countText);

class ShiftedClock extends SystemClock {
  override now(): number {
    return super.now() + Number(aheadText);
  }
}

const clock = new ShiftedClock();
const disk = new NodeDisk();
const log = createPinoLogger('warn');
const random = new SystemRandom();
const config = brokerConfigSchema.parse({ flush: 'sync', schedulePendingMax: 100_000_000 });
const levels = new DelayLevels(config.delayLevels);
disk.makeDirectorySync(dataDir);
const kv = settingsStore({ disk, clock, log }, join(dataDir, 'config'));
await kv.open();
const store = await MessageStore.open({
  disk,
  clock,
  log,
  directory: join(dataDir, 'store'),
  segmentSizeBytes: config.segmentSizeBytes,
  tailChunks: 4,
  durability: 'synced',
  syncIntervalMs: 100,
  checkpointIntervalMs: 1_000,
  retentionMs: 2 * HORIZON_MS,
  logSizeMaxBytes: 2 ** 50,
  storeHost: encodeHost(HOST, PORT),
  tagsCodeRule: delayTagsCodeRule(levels),
});
const base = { clock, random, log, config, store, kv, levels, advertisedAddress: HOST, advertisedPort: PORT };
const services = brokerServices({ ...base, processId: process.pid });
const { schedules, topics, producing } = services;
await topics.load();
await topics.putAll(
  systemTopics({
    brokerName: config.name,
    clusterName: config.cluster,
    autoCreateTopic: true,
    traceTopic: false,
    defaultTopicQueues: 8,
    delayLevels: levels.count,
  }),
);
const rssBefore = process.memoryUsage.rss();
const loadBegin = clock.monotonic();
await schedules.load();
const loadMs = clock.monotonic() - loadBegin;
schedules.start();

async function insertOne(index: number): Promise<void> {
  const delayMs = FIRST_MS + random.below(HORIZON_MS);
  const uniqueKey = String(index).padStart(32, '0');
  await producing.send({
    topic: 'BenchSchedules',
    queueId: index % 4,
    producerGroup: 'bench',
    defaultTopic: 'TBW102',
    defaultTopicQueues: 4,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: clock.now(),
    bornAddress: HOST,
    bornPort: 1,
    reconsumeTimes: 0,
    maxReconsumeTimes: undefined,
    body: BODY,
    properties: Buffer.from(`TIMER_DELAY_MS\u0001${delayMs}\u0002UNIQ_KEY\u0001${uniqueKey}\u0002`),
  });
}

async function insert(): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await insertOne(next++);
  };
  await Promise.all(Array.from({ length: OUTSTANDING }, worker));
}

async function fire(): Promise<void> {
  const left = Math.max(schedules.pending - count, 0);
  while (schedules.pending > left) await sleep(10);
}

const steps: Readonly<Record<string, () => Promise<void>>> = { insert, fire, start: () => sleep(2_000) };
const begin = clock.monotonic();
await steps[step]?.();
const seconds = (clock.monotonic() - begin) / 1000;
const cpu = process.cpuUsage();
const figures = {
  perSecond: Math.round(count / seconds),
  cpuMicros: (cpu.user + cpu.system) / count,
  loadMs,
  pending: schedules.pending,
  rssBeforeMb: rssBefore / 1e6,
  rssMb: process.memoryUsage.rss() / 1e6,
};
await services.delivery.stop();
await schedules.stop();
await store.close();
await kv.close();
console.log(JSON.stringify(figures));
