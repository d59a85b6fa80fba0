import { expect, test } from 'vitest';
import { QueueTable } from '@cometmq/broker/store/queue/queue-table';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { TopicTable } from '@cometmq/broker/topic/topic-table';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { ManualClock } from '../../../support/manual-clock.ts';
import { SimulatedDisk } from '../../../support/simulated-disk.ts';

/** Writes wait until they are let go, or fail. */
class HeldStore extends MemoryKeyValueStore {
  readonly held: { go: () => void; fail: () => void }[] = [];

  override async write(changes: readonly KeyValueChange[]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.held.push({
        go: resolve,
        fail: () => {
          reject(new Error('No space left on device'));
        },
      });
    });
    await super.write(changes);
  }
}

function open(kv = new HeldStore()): { kv: HeldStore; topics: TopicTable } {
  return {
    kv,
    topics: new TopicTable(new ManualClock(), kv, new QueueTable(new SimulatedDisk(), '/queues')),
  };
}

const turn = (): Promise<void> => new ManualClock().settle();

test('nobody gets a topic before it is saved, and all who wanted it get the one', async () => {
  const { kv, topics } = open();
  const both = Promise.all([topics.make(topicConfig('orders', 4)), topics.make(topicConfig('orders', 2))]);
  await turn();
  expect(topics.find('orders')).toBeUndefined();
  expect(kv.held).toHaveLength(1);
  kv.held.shift()?.go();
  const [first, second] = await both;
  expect(first).toBe(second);
  expect(topics.get('orders').config.writeQueueNums).toBe(4);
});

test('a topic that could not be saved does not exist, and can be made again', async () => {
  const { kv, topics } = open();
  const failing = Promise.allSettled([
    topics.make(topicConfig('orders', 4)),
    topics.make(topicConfig('orders', 4)),
  ]);
  await turn();
  kv.held.shift()?.fail();
  expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(topics.find('orders')).toBeUndefined();
  const again = topics.make(topicConfig('orders', 4));
  await turn();
  kv.held.shift()?.go();
  expect((await again).name).toBe('orders');
});

test('a change that could not be saved is none, and neither is a removal', async () => {
  const { kv, topics } = open();
  const made = topics.put(topicConfig('orders', 4));
  await turn();
  kv.held.shift()?.go();
  const topic = await made;
  const changed = topics.put(topicConfig('orders', 8));
  changed.catch(() => undefined);
  await turn();
  kv.held.shift()?.fail();
  await expect(changed).rejects.toThrow('No space');
  expect(topic.config.writeQueueNums).toBe(4);
  const removed = topics.remove('orders', () => Promise.reject(new Error('not to be cleaned up')));
  removed.catch(() => undefined);
  await turn();
  kv.held.shift()?.fail();
  await expect(removed).rejects.toThrow('No space');
  expect(topics.find('orders')).toBe(topic);
  expect(topics.findByBytes(Buffer.from('orders'), 0, 6)).toBe(topic);
});

test('two changes of one topic are made one after the other', async () => {
  const { kv, topics } = open();
  const both = Promise.all([topics.put(topicConfig('orders', 4)), topics.put(topicConfig('orders', 8))]);
  await turn();
  expect(kv.held).toHaveLength(1);
  kv.held.shift()?.go();
  await turn();
  kv.held.shift()?.go();
  await both;
  expect(topics.get('orders').config.writeQueueNums).toBe(8);
});
