import fc from 'fast-check';
import { deleteTopic, putTopic } from '../support/requests.ts';
import type { World } from '../support/world.ts';
import type { Step } from './step.ts';
import { Code, TOPICS, pickName, step, verifyCode } from './step.ts';

interface PutValues {
  readonly topic: number;
  readonly queues: number;
}

/** Makes a topic, or gives it more queues. */
async function put(world: World, { topic: index, queues }: PutValues): Promise<void> {
  const { broker, reference } = world;
  const topic = pickName(TOPICS, index);
  const queueCount = Math.max(reference.topics.get(topic)?.queueCount ?? 0, queues);
  world.tell(`topic ${topic} with ${queueCount} queues`);
  verifyCode(await broker.ask(putTopic(topic, queueCount)), Code.SUCCESS, `put ${topic}`);
  reference.putTopic(topic, queueCount, broker.now);
}

async function remove(world: World, { topic: index }: { topic: number }): Promise<void> {
  const { broker, reference } = world;
  const topic = pickName(TOPICS, index);
  world.tell(`delete ${topic}`);
  verifyCode(await broker.ask(deleteTopic(topic)), Code.SUCCESS, `delete ${topic}`);
  reference.removeTopic(topic, broker.now);
}

export const topicSteps: fc.Arbitrary<Step>[] = [
  fc
    .record({ topic: fc.nat(2), queues: fc.integer({ min: 1, max: 4 }) })
    .map((values) => step('putTopic', values, put)),
  fc.record({ topic: fc.nat(2) }).map((values) => step('deleteTopic', values, remove)),
];
