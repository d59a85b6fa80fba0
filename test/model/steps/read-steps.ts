import fc from 'fast-check';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { verify } from '../reference/reference-broker.ts';
import { compare, pullAnswer } from '../support/observation.ts';
import { endOfQueue, pull, queryByKey, searchOffset, viewById } from '../support/requests.ts';
import type { World } from '../support/world.ts';
import type { Step } from './step.ts';
import { Code, GROUPS, TOPICS, field, pick, pickName, reading, verifyCode } from './step.ts';

const EXPRESSIONS = [[], ['A'], ['Aa'], ['A', 'BB'], ['nobody']] as const;
const COUNTS = [32, 1, 3] as const;
const QUERY_MAX = 64;

interface PullValues {
  readonly topic: number;
  readonly queue: number;
  readonly group: number;
  /** Where: before, at, between and behind the ends. */
  readonly place: number;
  readonly expression: number;
  readonly count: number;
}

async function pullSome(world: World, values: PullValues): Promise<void> {
  const { broker, reference } = world;
  const [topic, group] = [pickName(TOPICS, values.topic), pickName(GROUPS, values.group)];
  const present = reference.topics.get(topic);
  // One queue too many, sometimes.
  const queueId = values.queue % ((present?.queueCount ?? 0) + 1);
  const queue = reference.queue(topic, queueId);
  const { min, max } = queue;
  const offset = [min - 1, min, (min + max) >> 1, max - 1, max, max + 1, max + 7][values.place] ?? 0;
  const tags = pick<readonly string[]>(EXPRESSIONS, values.expression) ?? [];
  const count = pick(COUNTS, values.count) ?? 1;
  const expression = tags.length === 0 ? '*' : tags.join(' || ');
  const answer = await broker.ask(pull(group, { topic, queueId }, offset, count, expression));
  const told = `pull ${topic}/${queueId} at ${offset} for ${group}, at most ${count} of ${expression}`;
  world.tell(`${told}: code ${answer.code}, next ${answer.extFields?.['nextBeginOffset']}`);
  reference.groups.set(group, 'sure');
  if (present === undefined || queueId >= present.queueCount) {
    verifyCode(answer, present === undefined ? Code.TOPIC_NOT_EXIST : Code.INVALID_PARAMETER, told);
    return;
  }
  const found = pullAnswer(answer);
  const expected = queue.pull(offset, count, tags, found.next);
  verifyCode(answer, expected.code, told);
  verify(found.next === expected.next, `${told}: next ${found.next} instead of ${expected.next}`);
  verify(
    found.min === min && found.max === max,
    `${told}: ${found.min} to ${found.max} instead of ${min} to ${max}`,
  );
  compare(
    found.messages,
    expected.offsets.map((at) => queue.messages[at]),
    told,
  );
}

interface SearchValues {
  readonly topic: number;
  readonly queue: number;
  readonly message: number;
  readonly shift: number;
  readonly isUpper: boolean;
}

async function search(
  world: World,
  { topic: name, queue: index, message, shift, isUpper }: SearchValues,
): Promise<void> {
  const { broker, reference } = world;
  const topic = pickName(TOPICS, name);
  const present = reference.topics.get(topic);
  const queueId = index % (present?.queueCount ?? 1);
  const queue = reference.queue(topic, queueId);
  const time = (pick(queue.present, message)?.storedAt ?? broker.now) + shift;
  const answers = await broker.askAll([
    searchOffset({ topic, queueId }, time, isUpper ? 'UPPER' : 'LOWER'),
    endOfQueue({ topic, queueId }, 'min'),
    endOfQueue({ topic, queueId }, 'max'),
  ]);
  const told = `search ${topic}/${queueId} ${isUpper ? 'at or before' : 'at or after'} ${time}`;
  world.tell(`${told}: ${answers[0]?.extFields?.['offset']}`);
  if (present === undefined) {
    verify(answers[0]?.code === Code.TOPIC_NOT_EXIST, `${told}: code ${answers[0]?.code}`);
    return;
  }
  const [found, min, max] = answers.map((answer) => Number(field(answer, 'offset')));
  const expected = isUpper ? queue.atOrBefore(time) : queue.atOrAfter(time);
  verify(found === expected, `${told}: ${found} instead of ${expected}`);
  verify(
    min === queue.min && max === queue.max,
    `${told}: ${min} to ${max} instead of ${queue.min} to ${queue.max}`,
  );
}

interface QueryValues {
  readonly message: number;
  readonly key: number;
  readonly isExactTime: boolean;
}

/** All and only the messages with the key, whatever else has its hash (semantics 17.9). */
async function query(world: World, { message, key: keyIndex, isExactTime }: QueryValues): Promise<void> {
  const { broker, reference } = world;
  const one = pick(reference.present(), message);
  if (one === undefined) return;
  const { topic } = one;
  const key = pickName([one.draft.properties['UNIQ_KEY'] ?? '', 'k1', 'Aa', 'BB', 'k12', 'nokey'], keyIndex);
  const [begin, end] = isExactTime ? [one.storedAt, one.storedAt] : [0, broker.now + 1];
  const answer = await broker.ask(queryByKey(topic, key, begin, end));
  const told = `query ${key} of ${topic} from ${begin} to ${end}`;
  const readable = reference.topics.get(topic)?.queueCount ?? 0;
  const createdAt = reference.topics.get(topic)?.createdAt ?? 0;
  const messages = answer.code === Code.SUCCESS ? decodeMessages(answer.body ?? Buffer.alloc(0)) : [];
  // Records of a deleted topic of the same name are in the log until they expire, and nobody can see hidden queues.
  const found = messages.filter(
    ({ physicalOffset, queueId, storeTimestamp }) =>
      queueId < readable && storeTimestamp >= createdAt && !reference.buried.has(physicalOffset),
  );
  const expected = reference
    .present()
    .filter(({ draft, storedAt, ...stored }) => {
      const hasKey = draft.keys.includes(key) || draft.properties['UNIQ_KEY'] === key;
      return stored.topic === topic && hasKey && storedAt >= begin && storedAt <= end;
    })
    .sort((a, b) => b.physicalOffset - a.physicalOffset);
  world.tell(`${told}: ${found.length}`);
  if (messages.length >= QUERY_MAX) return;
  verifyCode(answer, messages.length > 0 ? Code.SUCCESS : Code.QUERY_NOT_FOUND, told);
  compare(
    found.sort((a, b) => b.physicalOffset - a.physicalOffset),
    expected,
    told,
  );
}

/** By the position that its sender was told; one that expired is an error. */
async function view(
  world: World,
  { message, isExpired }: { message: number; isExpired: boolean },
): Promise<void> {
  const { broker, reference } = world;
  const expired = [...reference.topics.values()].flatMap(({ queues }) =>
    [...queues.values()].flatMap(({ messages, min }) => messages.slice(0, min)),
  );
  const one = pick(isExpired ? expired : reference.present(), message);
  if (one === undefined) return;
  const answer = await broker.ask(viewById(one.physicalOffset));
  const told = `view ${one.draft.id} at ${one.physicalOffset}`;
  world.tell(`${told}: code ${answer.code}`);
  verifyCode(answer, isExpired ? Code.SYSTEM_ERROR : Code.SUCCESS, told);
  if (!isExpired) compare(decodeMessages(answer.body ?? Buffer.alloc(0)), [one], told);
}

export const readSteps: fc.Arbitrary<Step>[] = [
  fc
    .record({
      topic: fc.nat(2),
      queue: fc.nat(4),
      group: fc.nat(1),
      place: fc.nat(6),
      expression: fc.nat(EXPRESSIONS.length - 1),
      count: fc.nat(COUNTS.length - 1),
    })
    .map((values) => reading('pull', values, pullSome)),
  fc
    .record({
      topic: fc.nat(2),
      queue: fc.nat(3),
      message: fc.nat(20),
      shift: fc.constantFrom(0, -1, 1, -100_000, 100_000),
      isUpper: fc.boolean(),
    })
    .map((values) => reading('search', values, search)),
  fc
    .record({ message: fc.nat(40), key: fc.nat(5), isExactTime: fc.boolean() })
    .map((values) => reading('query', values, query)),
  fc.record({ message: fc.nat(40), isExpired: fc.boolean() }).map((values) => reading('view', values, view)),
];
