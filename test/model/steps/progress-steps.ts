import fc from 'fast-check';
import { verify } from '../reference/reference-broker.ts';
import { commitOffset, queryOffset, resetOffset } from '../support/requests.ts';
import type { World } from '../support/world.ts';
import type { Step } from './step.ts';
import { Code, GROUPS, TOPICS, field, pick, pickName, reading, verifyCode } from './step.ts';

interface CommitValues {
  readonly topic: number;
  readonly queue: number;
  readonly group: number;
  /** Behind the oldest message; forward and back, both are fine. */
  readonly ahead: number;
}

async function commit(world: World, { topic: name, queue, group: who, ahead }: CommitValues): Promise<void> {
  const { broker, reference } = world;
  const [topic, group] = [pickName(TOPICS, name), pickName(GROUPS, who)];
  const present = reference.topics.get(topic);
  const place = { topic, queueId: queue % (present?.queueCount ?? 1) };
  const offset = reference.queue(topic, place.queueId).min + ahead;
  const answer = await broker.ask(commitOffset(group, place, offset));
  const told = `commit ${offset} of ${topic}/${place.queueId} for ${group}`;
  world.tell(told);
  reference.groups.set(group, 'sure');
  verifyCode(answer, present === undefined ? Code.TOPIC_NOT_EXIST : Code.SUCCESS, told);
  if (present !== undefined) reference.progress.commit(group, topic, place.queueId, offset, broker.now);
}

/** Where all groups are. Who never committed begins at 0 while nothing was lost, else it is told so (semantics 0.1, 5.5). */
export async function checkProgress(world: World): Promise<void> {
  const { broker, reference } = world;
  const all = [...reference.topics]
    .filter(([topic]) => TOPICS.some((own) => own === topic))
    .flatMap(([topic, { queueCount }]) =>
      Array.from({ length: queueCount }, (_, queueId) =>
        GROUPS.map((group) => ({ group, topic, queueId })),
      ).flat(),
    );
  const answers = await broker.askAll(all.map(({ group, ...place }) => queryOffset(group, place)));
  for (const [index, { group, topic, queueId }] of all.entries()) {
    const answer = answers[index];
    const committed = reference.progress.find(group, topic, queueId);
    const expected = committed ?? (reference.queue(topic, queueId).min === 0 ? 0 : undefined);
    const found = answer?.code === Code.SUCCESS ? Number(field(answer, 'offset')) : undefined;
    const told = `offset of ${group} in ${topic}/${queueId}`;
    verify(found === expected, `${told}: ${found} (code ${answer?.code}) instead of ${expected}`);
    verify(found !== undefined || answer?.code === Code.QUERY_NOT_FOUND, `${told}: code ${answer?.code}`);
  }
}

interface ResetValues {
  readonly topic: number;
  readonly group: number;
  readonly message: number;
  readonly shift: number;
  /** To the end rather than to a time. */
  readonly isSkip: boolean;
}

async function reset(world: World, values: ResetValues): Promise<void> {
  const { broker, reference } = world;
  const [topic, group] = [pickName(TOPICS, values.topic), pickName(GROUPS, values.group)];
  const present = reference.topics.get(topic);
  const messages = reference.present().filter((stored) => stored.topic === topic);
  const time = values.isSkip ? -1 : (pick(messages, values.message)?.storedAt ?? broker.now) + values.shift;
  const answer = await broker.ask(resetOffset(group, topic, time));
  const told = `reset ${group} in ${topic} to ${time}`;
  const offsets = offsetTable(answer.body);
  world.tell(`${told}: code ${answer.code} ${JSON.stringify([...offsets])}`);
  const code = present === undefined ? Code.TOPIC_NOT_EXIST : Code.SUCCESS;
  const existence = reference.groups.get(group);
  if (existence === 'maybe' && answer.code === Code.GROUP_NOT_EXIST) return;
  verifyCode(answer, present !== undefined && existence === undefined ? Code.GROUP_NOT_EXIST : code, told);
  if (answer.code !== Code.SUCCESS || present === undefined) return;
  verify(offsets.size === present.queueCount, `${told}: ${offsets.size} queues`);
  for (const [queueId, offset] of offsets) {
    const queue = reference.queue(topic, queueId);
    const expected = values.isSkip ? queue.max : queue.atOrAfter(time);
    verify(offset === expected, `${told}: queue ${queueId} to ${offset} instead of ${expected}`);
    reference.progress.commit(group, topic, queueId, offset, broker.now);
  }
  await checkProgress(world);
}

interface MoveValues {
  readonly topic: number;
  readonly queue: number;
  readonly group: number;
  /** Where: before, at, between and behind the ends. */
  readonly place: number;
}

/** Moves a group in one queue to an offset, which must be one that the queue has or the next two (semantics 7.1). */
async function move(
  world: World,
  { topic: name, queue: index, group: who, place }: MoveValues,
): Promise<void> {
  const { broker, reference } = world;
  const [topic, group] = [pickName(TOPICS, name), pickName(GROUPS, who)];
  const present = reference.topics.get(topic);
  if (present === undefined || reference.groups.get(group) !== 'sure') return;
  const queueId = index % present.queueCount;
  const { min, max } = reference.queue(topic, queueId);
  // A negative offset would mean "by time".
  const offset = Math.max([min - 1, min, (min + max) >> 1, max, max + 1, max + 2][place] ?? 0, 0);
  const answer = await broker.ask(resetOffset(group, topic, 0, { queueId, offset }));
  const told = `move ${group} in ${topic}/${queueId} to ${offset}`;
  world.tell(`${told}: code ${answer.code}`);
  const isPossible = offset >= min && offset <= max + 1;
  verifyCode(answer, isPossible ? Code.SUCCESS : Code.SYSTEM_ERROR, told);
  if (isPossible) reference.progress.commit(group, topic, queueId, offset, broker.now);
}

/** `{"offsetTable":{{"brokerName":"a","queueId":0,"topic":"t"}:5}}`, as Java writes it. */
function offsetTable(body: Buffer | undefined): Map<number, number> {
  const pairs = (body?.toString() ?? '').matchAll(/"queueId":(\d+)[^}]*\}:(-?\d+)/g);
  return new Map([...pairs].map(([, queueId, offset]) => [Number(queueId), Number(offset)]));
}

export const progressSteps: fc.Arbitrary<Step>[] = [
  fc
    .record({ topic: fc.nat(2), queue: fc.nat(3), group: fc.nat(1), ahead: fc.integer({ min: -1, max: 6 }) })
    .map((values) => reading('commit', values, commit)),
  fc.constant(reading('checkProgress', {}, checkProgress)),
  fc
    .record({
      topic: fc.nat(2),
      group: fc.nat(1),
      message: fc.nat(20),
      shift: fc.constantFrom(0, -1, 1, -100_000, 100_000),
      isSkip: fc.boolean(),
    })
    .map((values) => reading('reset', values, reset)),
  fc
    .record({ topic: fc.nat(2), queue: fc.nat(3), group: fc.nat(1), place: fc.nat(5) })
    .map((values) => reading('move', values, move)),
];
