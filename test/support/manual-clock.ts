import type { Clock, Timer } from '@cometmq/common/clock/clock';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Turns of the event loop without new work after which a test counts as settled. */
const QUIET_TURNS = 3;

/**
 * Time that moves only when a test says so. What runs between two timers (promises, deferred work, memory networks)
 * still happens by itself, so a test alternates between calling code and `await clock.advance(ms)`.
 */
export class ManualClock implements Clock {
  #nowMs: number;
  #monotonicMs = 0;
  #order = 0;
  #deferred = 0;
  readonly #timers = new Set<Pending>();

  constructor(startMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  setTimer(delayMs: number, run: () => void): Timer {
    const pending = { dueMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.add(pending);
    return { cancel: () => void this.#timers.delete(pending) };
  }

  defer(run: () => void): void {
    this.#deferred++;
    setImmediate(() => {
      this.#deferred--;
      run();
    });
  }

  /** Timers that have neither fired nor been cancelled. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Milliseconds to the next timer, undefined without one. */
  get nextTimerMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.dueMs - this.#monotonicMs;
  }

  /** Moves time forward, firing every timer that falls due at its own moment, in order. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonicMs + ms;
    await this.settle();
    for (let next = this.#next(); next !== undefined && next.dueMs <= target; next = this.#next()) {
      this.#moveTo(next.dueMs);
      this.#timers.delete(next);
      next.run();
      await this.settle();
    }
    this.#moveTo(target);
  }

  /** Lets everything run that needs no time to pass. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = this.#deferred === 0 ? quiet + 1 : 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Sets the wall clock (a step of the system's time); timers keep their monotonic due time. */
  stepWallClock(deltaMs: number): void {
    this.#nowMs += deltaMs;
  }

  #moveTo(monotonicMs: number): void {
    if (monotonicMs <= this.#monotonicMs) return;
    this.#nowMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }

  #next(): Pending | undefined {
    let next: Pending | undefined;
    for (const timer of this.#timers) {
      if (
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.order < next.order)
      ) {
        next = timer;
      }
    }
    return next;
  }
}
