import fc from 'fast-check';
import type { Transaction } from '../reference/expectation.ts';
import { endTransaction, sendHalf } from '../support/requests.ts';
import type { World } from '../support/world.ts';
import { LIMITS } from '../support/world.ts';
import type { Shape } from './send-steps.ts';
import { draftOf, placeOf, shape } from './send-steps.ts';
import type { Step } from './step.ts';
import { Code, askUntilTaken, field, pick, step, verifyCode } from './step.ts';

export const COMMIT = 8;
const ROLLBACK = 12;
const GROUP = 'payments';

async function half(world: World, values: Shape): Promise<void> {
  const { broker, reference } = world;
  const place = placeOf(world, values);
  const draft = draftOf(world, { ...values, isBig: false }, { PGROUP: GROUP });
  const answer = await askUntilTaken(world, sendHalf(place, draft, broker.now));
  const told = `half message ${draft.id} for ${place.topic}/${place.queueId}`;
  world.tell(told);
  verifyCode(answer, Code.SUCCESS, told);
  reference.transactions.push({
    draft,
    ...place,
    group: GROUP,
    halfOffset: Number(field(answer, 'queueOffset')),
    physicalOffset: Number.parseInt(field(answer, 'msgId').slice(-16), 16),
    storedAt: broker.now,
    state: 'open',
  });
}

interface EndValues {
  readonly index: number;
  readonly isCommit: boolean;
  readonly isStranger: boolean;
}

async function end(world: World, { index, isCommit, isStranger }: EndValues): Promise<void> {
  const { broker, reference } = world;
  const transaction = pick(reference.transactions, index);
  if (transaction === undefined) return;
  const { draft, topic, queueId, state } = transaction;
  const from = broker.now;
  const decision = isCommit ? 'commit' : 'rollback';
  const producerGroup = isStranger ? 'strangers' : transaction.group;
  const request = { ...transaction, producerGroup, commitOrRollback: isCommit ? COMMIT : ROLLBACK };
  const answer = await askUntilTaken(world, endTransaction(request));
  const told = `${decision} ${draft.id} by ${producerGroup}, ${state} before`;
  world.tell(`${told}: code ${answer.code}`);
  verifyCode(answer, expectedCodes(world, transaction, decision, isStranger), told);
  if (state !== 'open' || answer.code !== Code.SUCCESS) return;
  if (isCommit) reference.expect({ draft, topic, queueId, must: true, from, by: broker.now, transaction });
  else transaction.state = 'rollback';
}

/** Each is decided once; saying it again changes nothing (semantics 3.2, "for us"). */
function expectedCodes(
  { broker, reference }: World,
  { state, topic, storedAt }: Transaction,
  decision: 'commit' | 'rollback',
  isStranger: boolean,
): number[] {
  const gone = broker.now - storedAt >= LIMITS.retentionMs ? [Code.SYSTEM_ERROR] : [];
  if (isStranger) return [Code.SYSTEM_ERROR];
  if (state === decision) return [Code.SUCCESS, ...gone];
  if (state === 'commit' || state === 'rollback') return [Code.SUCCESS, Code.ILLEGAL_OPERATION, ...gone];
  if (decision === 'commit' && !reference.topics.has(topic)) return [Code.TOPIC_NOT_EXIST, ...gone];
  return [Code.SUCCESS, ...gone];
}

export const transactionSteps: fc.Arbitrary<Step>[] = [
  shape.map((values) => step('half', values, half)),
  fc
    .record({
      index: fc.nat(10),
      isCommit: fc.boolean(),
      isStranger: fc.oneof(
        { weight: 9, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
    })
    .map((values) => step('end', values, end)),
];
