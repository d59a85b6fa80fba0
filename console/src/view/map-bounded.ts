import { errorText } from '@cometmq/common/error/mq-error';

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: string };

/** A failure is an outcome: one broker that does not answer must not empty a page. */
export async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work };
  } catch (error) {
    return { ok: false, fault: errorText(error) };
  }
}

/** Runs `work` for every item, at most `concurrency` at a time, and answers in the items' order. */
export async function mapBounded<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<R>,
): Promise<Outcome<R>[]> {
  const outcomes = new Array<Outcome<R>>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      outcomes[index] = await outcomeOf(work(items[index] as T));
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return outcomes;
}
