import fc from 'fast-check';
import type { Draft } from '../reference/reference-message.ts';
import { verify } from '../reference/reference-broker.ts';
import { DEFAULT_QUEUES, send, sendBatch } from '../support/requests.ts';
import type { World } from '../support/world.ts';
import { DELAYS_MS } from '../support/world.ts';
import type { Step } from './step.ts';
import { Code, TOPICS, askUntilTaken, field, pick, pickName, step, verifyCode } from './step.ts';

/** `Aa` and `BB` have the same hash in Java. */
export const TAGS = [undefined, 'A', 'Aa', 'BB'] as const;
export const KEYS = [[], ['k1'], ['Aa'], ['BB', 'k1'], ['k12']] as const;
const SMALL = 24;
/** Two of these do not fit into one file of the log. */
const BIG = 600 * 1024;
/** Time in which the next file is made ready. */
const SETTLE_MS = 300;
const LATENESS_MS = 1_000;

export interface Shape {
  readonly topic: number;
  readonly queue: number;
  readonly tag: number;
  readonly keys: number;
  /** 0: now; 5 is beyond the last level and means the last one. */
  readonly level: number;
  readonly isBig: boolean;
}

export const shape: fc.Arbitrary<Shape> = fc.record({
  topic: fc.nat(2),
  queue: fc.nat(3),
  tag: fc.nat(TAGS.length - 1),
  keys: fc.nat(KEYS.length - 1),
  level: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5) }),
  isBig: fc.oneof({ weight: 24, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

export function draftOf(
  world: World,
  { tag, keys, isBig }: Shape,
  properties: Readonly<Record<string, string>> = {},
): Draft {
  const id = world.reference.nextId();
  return {
    id,
    bodySize: isBig ? BIG : SMALL,
    tag: pick(TAGS, tag),
    keys: pick<readonly string[]>(KEYS, keys) ?? [],
    reconsumeTimes: 0,
    properties: { UNIQ_KEY: `unique-${id}`, ...properties },
  };
}

/** The queue to send to; the topic is there afterwards, because sending makes it (semantics 2.18). */
export function placeOf(world: World, { topic, queue }: Shape): { topic: string; queueId: number } {
  const { reference, broker } = world;
  const name = pickName(TOPICS, topic);
  if (!reference.topics.has(name)) reference.putTopic(name, DEFAULT_QUEUES, broker.now);
  return { topic: name, queueId: queue % (reference.topics.get(name)?.queueCount ?? 1) };
}

/** When a delayed message may be stored in its queue, if it was sent within this time. */
export function dueTime(
  level: number,
  sentFrom: number,
  sentBy: number,
): { from: number; by: number; level: number } {
  const lane = Math.min(level, DELAYS_MS.length);
  const delayMs = DELAYS_MS[lane - 1] ?? 0;
  return { from: sentFrom + delayMs, by: sentBy + delayMs + LATENESS_MS, level: lane };
}

async function sendOne(world: World, values: Shape): Promise<void> {
  const { broker, reference } = world;
  const from = broker.now;
  const place = placeOf(world, values);
  const draft = draftOf(world, values);
  const answer = await askUntilTaken(world, send(place, draft, from, values.level));
  const told = `send ${draft.id} to ${place.topic}/${place.queueId} tag ${draft.tag} keys ${draft.keys.join(' ')}`;
  verifyCode(answer, Code.SUCCESS, told);
  const offset = Number(field(answer, 'queueOffset'));
  world.tell(`${told} level ${values.level}, ${draft.bodySize} bytes: offset ${offset}`);
  if (values.level > 0) {
    reference.expect({ draft, ...place, must: true, ...dueTime(values.level, from, broker.now) });
  } else {
    verify(Number(field(answer, 'queueId')) === place.queueId, `${told}: another queue was answered`);
    reference.expect({ draft, ...place, must: true, at: offset, from, by: broker.now });
  }
  if (values.isBig) await broker.pass(SETTLE_MS);
}

async function sendSeveral(world: World, { first, count }: { first: Shape; count: number }): Promise<void> {
  const { broker, reference } = world;
  const from = broker.now;
  const place = placeOf(world, first);
  const drafts = Array.from({ length: count }, () => draftOf(world, { ...first, isBig: false }));
  const answer = await askUntilTaken(world, sendBatch(place, drafts, from));
  const told = `send batch ${drafts.map(({ id }) => id).join(' ')} to ${place.topic}/${place.queueId}`;
  verifyCode(answer, Code.SUCCESS, told);
  const offset = Number(field(answer, 'queueOffset'));
  world.tell(`${told}: from offset ${offset}`);
  verify(field(answer, 'msgId').split(',').length === count, `${told}: not one id for each message`);
  const by = broker.now;
  for (const [index, draft] of drafts.entries())
    reference.expect({ draft, ...place, must: true, at: offset + index, from, by });
}

/** Refused, and nothing is stored. */
async function sendWrong(world: World, { values, fault }: { values: Shape; fault: number }): Promise<void> {
  const { broker, reference } = world;
  const place = placeOf(world, values);
  const draft = draftOf(world, { ...values, isBig: false });
  const request = send(place, draft, broker.now);
  world.tell(`send wrong (${fault}) to ${place.topic}/${place.queueId}`);
  if (fault === 0) {
    const queueId = reference.topics.get(place.topic)?.queueCount ?? 0;
    const answer = await broker.ask(send({ topic: place.topic, queueId }, draft, broker.now));
    // The topic may be new: the send makes it before its queue is looked at.
    verifyCode(answer, Code.INVALID_PARAMETER, `send to queue ${queueId} of as many`);
  } else {
    verifyCode(
      await broker.ask({ ...request, body: Buffer.alloc(0) }),
      Code.MESSAGE_ILLEGAL,
      'send without a body',
    );
  }
}

export const sendSteps: fc.Arbitrary<Step>[] = [
  shape.map((values) => step('send', values, sendOne)),
  shape.map((values) => step('send', values, sendOne)),
  shape.map((values) => step('send', values, sendOne)),
  fc
    .record({ first: shape, count: fc.integer({ min: 1, max: 4 }) })
    .map((values) => step('sendBatch', values, sendSeveral)),
  fc.record({ values: shape, fault: fc.nat(1) }).map((values) => step('sendWrong', values, sendWrong)),
];
