/** A pending timer. Cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as the servers and the SDK see it. Everything that waits, stamps or measures goes through this port, so that
 * tests can run forty days in a second.
 */
export interface Clock {
  /** Wall clock in milliseconds since the epoch. May step backwards. */
  now(): number;
  /** Milliseconds of a clock that never steps; only differences mean anything. Has a fractional part. */
  monotonic(): number;
  /** Runs `run` once after `delayMs` (any finite value; there is no 24.8 day limit here). */
  setTimer(delayMs: number, run: () => void): Timer;
  /** Runs `run` once the events that are ready now were handled (end of the event loop's turn). */
  defer(run: () => void): void;
}

/** Runs `run` every `periodMs` until cancelled. The next period starts when `run` has returned. */
export function every(clock: Clock, periodMs: number, run: () => void): Timer {
  let current = clock.setTimer(periodMs, tick);
  let cancelled = false;
  function tick(): void {
    run();
    if (!cancelled) current = clock.setTimer(periodMs, tick);
  }
  return {
    cancel(): void {
      cancelled = true;
      current.cancel();
    },
  };
}

/** Rejects with what `onTimeout` returns unless `work` settles within `timeoutMs`. */
export async function withTimeout<T>(
  clock: Clock,
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => Error,
): Promise<T> {
  let timer: Timer | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = clock.setTimer(timeoutMs, () => {
      reject(onTimeout());
    });
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    timer?.cancel();
  }
}
