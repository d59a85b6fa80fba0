import type { Clock, Timer } from './clock.ts';

/** The longest delay `setTimeout` can take; a longer one would fire at once. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** The process's real clock. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimer(delayMs: number, run: () => void): Timer {
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      handle =
        remainingMs > TIMEOUT_MAX_MS
          ? setTimeout(() => {
              arm(remainingMs - TIMEOUT_MAX_MS);
            }, TIMEOUT_MAX_MS)
          : setTimeout(run, remainingMs);
    };
    arm(delayMs);
    return {
      cancel(): void {
        clearTimeout(handle);
      },
    };
  }

  defer(run: () => void): void {
    setImmediate(run);
  }
}
