import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';

/** Timers with one end: after `cancel` none of them fires. */
export class TimerGroup {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `run` once. */
  later(delayMs: number, run: () => void): void {
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  /** Runs `run` again and again. */
  every(periodMs: number, run: () => void): void {
    this.#timers.add(every(this.#clock, periodMs, run));
  }

  cancel(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
