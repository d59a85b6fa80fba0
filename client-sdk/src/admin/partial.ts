import { MqError } from '@cometmq/common/error/mq-error';
import type { ErrorKind } from '@cometmq/common/error/mq-error';

/** A server that did not contribute to a result. */
export interface ServerFailure {
  /** Broker name, or the address of a name server. */
  readonly server: string;
  readonly address: string;
  readonly kind: ErrorKind;
  readonly message: string;
}

/** A result put together from several servers. */
export interface Merged {
  /** False when a server did not answer or a limit cut the result: what is there is right, but there may be more. */
  readonly complete: boolean;
  readonly failures: readonly ServerFailure[];
}

/** A server to ask. */
export interface Target {
  readonly server: string;
  readonly address: string;
}

/** What one server answered. */
export interface Answered<T> extends Target {
  readonly value: T;
}

export interface Gathered<T> {
  readonly answers: readonly Answered<T>[];
  readonly failures: readonly ServerFailure[];
}

/** Requests on their way at once. */
const CONCURRENCY_MAX = 16;

/** Maps with at most `CONCURRENCY_MAX` calls at once; results keep the order of the items. */
export async function mapBounded<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY_MAX, items.length) }, worker));
  return results;
}

/** Asks all targets; those that fail are listed instead of failing the whole. */
export async function gather<T, G extends Target>(
  targets: readonly G[],
  ask: (target: G) => Promise<T>,
): Promise<Gathered<T>> {
  const answers: Answered<T>[] = [];
  const failures: ServerFailure[] = [];
  const outcomes = await mapBounded(targets, async (target) => {
    try {
      return { target, value: await ask(target) };
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      return { target, error };
    }
  });
  for (const { target, value, error } of outcomes as { target: G; value?: T; error?: MqError }[]) {
    const { server, address } = target;
    if (error === undefined) answers.push({ server, address, value: value as T });
    else failures.push({ server, address, kind: error.kind, message: error.message });
  }
  return { answers, failures };
}

/** As `gather`, but fails with the first failure when nobody answered. */
export async function gatherSome<T, G extends Target>(
  targets: readonly G[],
  ask: (target: G) => Promise<T>,
): Promise<Gathered<T>> {
  const gathered = await gather(targets, ask);
  const [first] = gathered.failures;
  if (gathered.answers.length === 0 && first !== undefined) throw new MqError(first.kind, first.message);
  return gathered;
}

/** Runs `ask` and turns the listed kinds of failure into undefined. */
export async function absentIf<T>(kinds: readonly ErrorKind[], ask: Promise<T>): Promise<T | undefined> {
  try {
    return await ask;
  } catch (error) {
    if (error instanceof MqError && kinds.includes(error.kind)) return undefined;
    throw error;
  }
}

/** What is missing from a merged result, for people. */
export function describeFailures(failures: readonly ServerFailure[]): string {
  return failures.map(({ server, message }) => `${server}: ${message}`).join('; ');
}
