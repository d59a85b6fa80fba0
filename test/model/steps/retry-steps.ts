import fc from 'fast-check';
import type { Stored } from '../reference/reference-message.ts';
import { sendBack } from '../support/requests.ts';
import type { World } from '../support/world.ts';
import { dueTime } from './send-steps.ts';
import type { Step } from './step.ts';
import { Code, GROUPS, askUntilTaken, pick, pickName, step, verifyCode } from './step.ts';

/** The first retry has level 3, the next one 4 (semantics 5.8). */
const FIRST_RETRY_LEVEL = 3;
const HOST_AND_PORT = '7F00000100002A9F';

interface SendBackValues {
  readonly message: number;
  readonly group: number;
  /** 0: the broker chooses by the number of retries; -1: to the dead letters. */
  readonly level: number;
  readonly retriesMax: number;
}

async function sendBackOne(
  world: World,
  { message, group: who, level, retriesMax }: SendBackValues,
): Promise<void> {
  const { broker, reference } = world;
  const one = pick(reference.present(), message);
  if (one === undefined) return;
  const group = pickName(GROUPS, who);
  const from = broker.now;
  const { physicalOffset } = one;
  const answer = await askUntilTaken(
    world,
    sendBack({ physicalOffset, group, delayLevel: level, maxReconsumeTimes: retriesMax }),
  );
  const told = `send back ${one.draft.id} of ${one.topic}/${one.queueId} for ${group}, level ${level}, at most ${retriesMax}`;
  world.tell(told);
  verifyCode(answer, Code.SUCCESS, told);
  reference.groups.set(group, 'sure');
  const properties = retryProperties(one);
  const reconsumeTimes = one.draft.reconsumeTimes + 1;
  if (one.draft.reconsumeTimes >= retriesMax || level < 0) {
    const topic = `%DLQ%${group}`;
    reference.putTopic(topic, 1, from);
    const origin = {
      DLQ_ORIGIN_TOPIC: properties['RETRY_TOPIC'] ?? '',
      DLQ_ORIGIN_MESSAGE_ID: properties['ORIGIN_MESSAGE_ID'] ?? '',
    };
    const draft = { ...one.draft, reconsumeTimes, properties: { ...properties, ...origin } };
    reference.expect({ draft, topic, queueId: 0, must: true, from, by: broker.now });
    return;
  }
  const topic = `%RETRY%${group}`;
  reference.putTopic(topic, 1, from);
  const draft = { ...one.draft, reconsumeTimes, properties };
  const chosen = level > 0 ? level : FIRST_RETRY_LEVEL + one.draft.reconsumeTimes;
  reference.expect({ draft, topic, queueId: 0, must: true, ...dueTime(chosen, from, broker.now) });
}

/** Where the message first was, set once. */
function retryProperties({ draft, topic, physicalOffset }: Stored): Record<string, string> {
  const id = HOST_AND_PORT + physicalOffset.toString(16).toUpperCase().padStart(16, '0');
  return { RETRY_TOPIC: topic, ORIGIN_MESSAGE_ID: id, ...draft.properties };
}

export const retrySteps: fc.Arbitrary<Step>[] = [
  fc
    .record({
      message: fc.nat(40),
      group: fc.nat(1),
      level: fc.constantFrom(0, 0, 0, -1, 1, 2, 5),
      retriesMax: fc.constantFrom(16, 16, 2, 1),
    })
    .map((values) => step('sendBack', values, sendBackOne)),
];
