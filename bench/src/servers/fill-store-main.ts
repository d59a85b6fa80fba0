/**
 * Fills the data folder of a broker that does not run, faster than sends could. Arguments: data folder, size of the log
 * to reach in MiB, size of a dirty tail behind it in MiB, bytes of a body, number of queues. With a tail the process kills
 * itself at the end: no checkpoint knows the tail, as after a crash in the worst moment.
 */
import { join } from 'node:path';
import { MessageStore } from '@cometmq/broker/store/message-store';
import type { AppendRequest } from '@cometmq/broker/store/append-request';
import { settingsStore } from '@cometmq/broker/store/kv/settings-store';
import { PropertyScan } from '@cometmq/broker/store/property-scan';
import type { Topic } from '@cometmq/broker/topic/topic';
import { TopicTable } from '@cometmq/broker/topic/topic-table';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { MqError } from '@cometmq/common/error/mq-error';
import { createPinoLogger } from '@cometmq/common/logging/pino-logger';
import { encodeHost } from '@cometmq/common/message/host';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { setTimeout as sleep } from 'node:timers/promises';

const MIB = 2 ** 20;
const SEGMENT_SIZE = 256 * MIB;
const QUEUES_PER_TOPIC = 8;
/** Messages between two looks at the event loop. */
const ROUND = 256;
const NEVER_MS = 2 ** 31 - 1;

const [dataDir = '', ...numbers] = process.argv.slice(2);
const [cleanMib = 0, dirtyMib = 0, bodySize = 1024, queues = 1000] = numbers.map(Number);
const clock = new SystemClock();
const host = encodeHost('127.0.0.1', 10_911);
const disk = new NodeDisk();
const log = createPinoLogger('warn');
const kv = settingsStore({ disk, clock, log }, join(dataDir, 'broker', 'config'));
disk.makeDirectorySync(join(dataDir, 'broker'));
await kv.open();
const store = await MessageStore.open({
  disk,
  clock,
  log,
  directory: join(dataDir, 'broker', 'store'),
  segmentSizeBytes: SEGMENT_SIZE,
  tailChunks: 4,
  durability: 'written',
  syncIntervalMs: 100,
  checkpointIntervalMs: dirtyMib > 0 ? NEVER_MS : 1_000,
  retentionMs: NEVER_MS,
  logSizeMaxBytes: 2 ** 50,
  storeHost: host,
  tagsCodeRule: () => undefined,
});
const table = new TopicTable(clock, kv, store.queues);
await table.load();
const names = Array.from({ length: Math.ceil(queues / QUEUES_PER_TOPIC) }, (_, index) => `BenchFill${index}`);
await table.putAll(names.map((name) => topicConfig(name, QUEUES_PER_TOPIC)));
const topics = names.map((name) => table.get(name));
const body = Buffer.alloc(bodySize, 'x');
const properties = Buffer.from(`KEYS\u0001key\u0002UNIQ_KEY\u0001${'0'.repeat(32)}\u0002TAGS\u0001tag\u0002`);
const keyAt = properties.indexOf('0'.repeat(32));
const propertyScan = new PropertyScan();
propertyScan.scan(properties, 0, properties.length);
const counter = { messages: 0 };

function request(topic: Topic, queueId: number): AppendRequest {
  return {
    queue: topic.queue(queueId),
    topic: topic.nameBytes,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: clock.now(),
    bornHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    bodyStart: 0,
    bodyEnd: body.length,
    properties,
    propertiesStart: 0,
    propertiesEnd: properties.length,
    propertyScan,
    tagsCode: undefined,
  };
}

async function fillTo(end: number): Promise<void> {
  const result = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
  while (store.logEnd < end) {
    const before = store.logEnd;
    try {
      for (let index = 0; index < ROUND; index++) {
        const queue = counter.messages++ % queues;
        properties.write(String(counter.messages).padStart(32, '0'), keyAt, 'latin1');
        const topic = topics[Math.floor(queue / QUEUES_PER_TOPIC)];
        if (topic !== undefined) store.append(request(topic, queue % QUEUES_PER_TOPIC), 'written', result);
      }
    } catch (error) {
      // The next segment is still being filled with zeros.
      if (!(error instanceof MqError) || error.kind !== 'SYSTEM_BUSY') throw error;
      await sleep(5);
    }
    // Who waits without having appended would wait for ever.
    if (store.logEnd > before) await store.whenDurable('written');
  }
}

await fillTo(cleanMib * MIB);
if (dirtyMib > 0) {
  await store.checkpoint();
  await fillTo(store.logEnd + dirtyMib * MIB);
  process.kill(process.pid, 'SIGKILL');
}
await store.close();
await kv.close();
