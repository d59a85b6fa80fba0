import fc from 'fast-check';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import type { Expectation, Transaction } from '../reference/expectation.ts';
import { verify } from '../reference/reference-broker.ts';
import { compareAll } from '../support/observation.ts';
import { commitOffset, endTransaction, queryOffset, send, sendBatch } from '../support/requests.ts';
import type { World } from '../support/world.ts';
import { checkProgress } from './progress-steps.ts';
import type { Shape } from './send-steps.ts';
import { draftOf, dueTime, shape } from './send-steps.ts';
import type { Step } from './step.ts';
import { Code, field, pick, step } from './step.ts';
import { COMMIT } from './transaction-steps.ts';

/** From less than a timer's tick to beyond all delays and the retention. */
const WAITS_MS = [1, 137, 1_000, 5_000, 11_000, 31_000, 65_000, 95_000] as const;

async function wait(world: World, { waitMs }: { waitMs: number }): Promise<void> {
  world.tell(`wait ${waitMs} ms`);
  await world.broker.pass(waitMs);
}

async function restart(world: World): Promise<void> {
  const { broker, reference } = world;
  world.tell('restart');
  await broker.restart();
  reference.stopped(broker.now);
  await compareAll(reference, broker);
  await checkProgress(world);
}

interface CrashValues {
  /** A power cut, or the end of the process alone. */
  readonly isPowerCut: boolean;
  readonly seed: number;
  /** Share of the unsynced settings that survives. */
  readonly settings: number;
  /** Turns of the event loop between the last requests and the end. */
  readonly turns: number;
  readonly last: readonly (Shape & { readonly kind: number })[];
}

interface Underway {
  readonly request: Request;
  readonly expectations: readonly Expectation[];
  answer?: RemotingCommand;
}

export async function crash(
  world: World,
  { isPowerCut, seed, settings, turns, last }: CrashValues,
): Promise<void> {
  const { broker, reference, flush } = world;
  // A broker that acknowledges before the disk has it promises nothing about power cuts.
  const kind = isPowerCut && flush === 'sync' ? 'power' : 'kill';
  const from = broker.now;
  const underway = last.map((values, index) => begin(world, values, seed + index));
  for (const one of underway)
    broker.invoke(one.request).then(
      (answer) => {
        one.answer = answer;
      },
      () => undefined,
    );
  await broker.turns(turns);
  // What comes later comes from the dead.
  const answers = underway.map(({ answer }) => (answer?.code === Code.SUCCESS ? answer : undefined));
  const answered = answers.filter((answer) => answer !== undefined);
  world.tell(`${kind} crash with ${underway.length} requests under way, ${answered.length} answered`);
  reference.crashed(kind, from);
  await broker.crash(kind === 'kill' ? 'kill' : { seed, settings });
  const damage = broker.complaints.filter((complaint) => /damage/i.test(complaint));
  verify(damage.length === 0, `a crash is not damage: ${damage[0]}`);
  for (const [request, { expectations }] of underway.entries()) {
    const answer = answers[request];
    const isTold = answer !== undefined;
    const first = isTold && expectations[0]?.level === undefined ? told(answer) : undefined;
    for (const [index, expectation] of expectations.entries()) {
      const at = first === undefined ? {} : { at: first + index };
      const by = expectation.level === undefined ? broker.now : expectation.by + (broker.now - from);
      reference.expect({ ...expectation, ...at, by, must: isTold });
    }
  }
  await compareAll(reference, broker);
  await findProgress(world, kind);
}

function told(answer: RemotingCommand): number | undefined {
  return answer.extFields?.['queueOffset'] === undefined ? undefined : Number(field(answer, 'queueOffset'));
}

/** A request that the crash may cut short: a send, a batch, or the commit of a transaction. */
function begin(world: World, values: Shape & { readonly kind: number }, index: number): Underway {
  const { broker, reference } = world;
  const from = broker.now;
  const open = pick(
    reference.transactions.filter((one) => one.state === 'open' && reference.topics.has(one.topic)),
    index,
  );
  if (values.kind === 2 && open !== undefined) return beginCommit(open, from);
  const topic = [...reference.topics.keys()].filter((name) => !name.startsWith('%'))[values.topic];
  // A topic that is made by the send under way may be there or not; that is left out.
  const known = topic === undefined ? undefined : reference.topics.get(topic);
  if (topic === undefined || known === undefined)
    return { request: queryOffset('observer', { topic: 't1', queueId: 0 }), expectations: [] };
  const place = { topic, queueId: values.queue % known.queueCount };
  if (values.kind === 1) {
    const drafts = Array.from({ length: 3 }, () => draftOf(world, { ...values, isBig: false }));
    const together = { size: drafts.length, offsets: [] };
    const expectations = drafts.map((draft) => ({ draft, ...place, must: false, from, by: from, together }));
    return { request: sendBatch(place, drafts, from), expectations };
  }
  const draft = draftOf(world, { ...values, isBig: false });
  const due = values.level > 0 ? dueTime(values.level, from, from) : { from, by: from };
  return {
    request: send(place, draft, from, values.level),
    expectations: [{ draft, ...place, must: false, ...due }],
  };
}

function beginCommit(transaction: Transaction, from: number): Underway {
  const { draft, topic, queueId, group: producerGroup } = transaction;
  transaction.state = 'asked';
  return {
    request: endTransaction({ ...transaction, producerGroup, commitOrRollback: COMMIT }),
    expectations: [{ draft, topic, queueId, must: false, from, by: from, transaction }],
  };
}

/** Groups may be set back to what they committed before, nowhere else. */
async function findProgress(world: World, kind: 'kill' | 'power'): Promise<void> {
  const { broker, reference } = world;
  for (const { group, topic, queueId } of reference.progress.all()) {
    const answer = await broker.ask(queryOffset(group, { topic, queueId }));
    const possible = reference.progress.possible(group, topic, queueId, kind, broker.now);
    const found = answer.code === Code.SUCCESS ? Number(field(answer, 'offset')) : undefined;
    const isNothing = found === undefined || (found === 0 && reference.queue(topic, queueId).min === 0);
    // Offsets beyond the end of their queue are moved back to it.
    const { max } = reference.queue(topic, queueId);
    const isMovedBack = found === max && [...possible].some((offset) => offset !== undefined && offset > max);
    const isPossible = isMovedBack || possible.has(found) || (isNothing && possible.has(undefined));
    const list = [...possible].join(', ');
    verify(
      isPossible,
      `${group} in ${topic}/${queueId} is at ${found} after a ${kind} crash; it was at ${list}`,
    );
    reference.progress.found(group, topic, queueId, found, broker.now);
    // Nothing and 0 can't be told apart; from here on it is 0.
    if (found === 0) await broker.ask(commitOffset(group, { topic, queueId }, 0));
  }
  await checkProgress(world);
}

export const crashValues: fc.Arbitrary<CrashValues> = fc.record({
  isPowerCut: fc.boolean(),
  seed: fc.nat(10_000),
  settings: fc.constantFrom(0, 0.5, 1),
  turns: fc.nat(8),
  last: fc.array(
    fc.tuple(shape, fc.nat(2)).map(([values, kind]) => ({ ...values, kind })),
    { maxLength: 4 },
  ),
});

export const lifeSteps: fc.Arbitrary<Step>[] = [
  fc.constantFrom(...WAITS_MS).map((waitMs) => step('wait', { waitMs }, wait)),
  fc.constantFrom(...WAITS_MS).map((waitMs) => step('wait', { waitMs }, wait)),
  fc.constant(step('restart', {}, restart)),
  crashValues.map((values) => step('crash', values, crash)),
];
