import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** Asks again until the answer is neither undefined nor false; fails with `what` when the deadline has passed. */
export async function waitUntil<T>(
  what: string | (() => string),
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs = 30_000,
  everyMs = 100,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= end) {
      const text = typeof what === 'string' ? what : what();
      throw new Error(`not within ${deadlineMs} ms: ${text}`, { cause: lastError });
    }
    await sleep(everyMs);
  }
}
