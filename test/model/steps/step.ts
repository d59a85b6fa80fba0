import type { AsyncCommand } from 'fast-check';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import type { ReferenceBroker } from '../reference/reference-broker.ts';
import { verify } from '../reference/reference-broker.ts';
import { observe } from '../support/observation.ts';
import type { World } from '../support/world.ts';

export type Step = AsyncCommand<ReferenceBroker, World, true>;

export const TOPICS = ['t1', 't2', 't3'] as const;
export const GROUPS = ['g1', 'g2'] as const;

export const Code = {
  SUCCESS: 0,
  SYSTEM_ERROR: 1,
  SYSTEM_BUSY: 2,
  MESSAGE_ILLEGAL: 13,
  TOPIC_NOT_EXIST: 17,
  QUERY_NOT_FOUND: 22,
  GROUP_NOT_EXIST: 26,
  INVALID_PARAMETER: 29,
  ILLEGAL_OPERATION: 604,
} as const;

const BUSY_MS = 20;
const BUSY_TRIES = 100;

/** A step that changes something; after it, all queues are looked at. */
export function step<Arguments extends object>(
  name: string,
  values: Arguments,
  run: (world: World, values: Arguments) => Promise<void>,
): Step {
  return reading(name, values, async (world) => {
    await run(world, values);
    await observe(world.reference, world.broker);
  });
}

/** A step that only asks. */
export function reading<Arguments extends object>(
  name: string,
  values: Arguments,
  run: (world: World, values: Arguments) => Promise<void>,
): Step {
  return {
    check: () => Promise.resolve(true),
    run: (_reference, world) => run(world, values),
    toString: () => `${name}(${JSON.stringify(values)})`,
  };
}

/** Element `index` of a list, counted round. */
export function pick<Item>(items: readonly Item[], index: number): Item | undefined {
  return items[index % Math.max(items.length, 1)];
}

export function pickName(names: readonly string[], index: number): string {
  return pick(names, index) ?? '';
}

/** Asks again while the broker is too busy: what it refuses must not be stored. */
export async function askUntilTaken(world: World, request: Request): Promise<RemotingCommand> {
  for (let tries = 0; ; tries++) {
    const answer = await world.broker.ask(request);
    if (answer.code !== Code.SYSTEM_BUSY) return answer;
    verify(tries < BUSY_TRIES, `busy for ${BUSY_MS * BUSY_TRIES} ms: ${answer.remark}`);
    await world.broker.pass(BUSY_MS);
  }
}

export function verifyCode(
  answer: RemotingCommand,
  expected: number | readonly number[],
  what: string,
): void {
  const all = typeof expected === 'number' ? [expected] : expected;
  verify(
    all.includes(answer.code),
    `${what}: code ${answer.code} (${answer.remark}) instead of ${all.join(' or ')}`,
  );
}

export function field(answer: RemotingCommand, name: string): string {
  const value = answer.extFields?.[name];
  if (value === undefined) throw new Error(`the answer has no ${name}`);
  return value;
}
