import type { Clock } from '@cometmq/common/clock/clock';
import type { Logger } from '@cometmq/common/logging/logger';

/** A wall clock that is this far from where it should be was set; less than that is the usual slewing. */
const STEP_MS = 1_000;
/** A step is believed when it has lasted this long. */
const BELIEF_MS = 60_000;

/**
 * The time by which schedules run: the wall clock, carried over its steps by the monotonic one. A step (an operator's
 * mistake, a virtual machine that woke up) is followed only when it has lasted a minute, so that one wrong setting
 * neither fires everything at once nor makes all wait.
 */
export class ScheduleTime {
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Wall time minus monotonic time. */
  #base: number;
  #steppedAt: number | undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#base = clock.now() - clock.monotonic();
  }

  /** ms since the epoch, whole. */
  now(): number {
    const wall = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    const own = this.#base + monotonic;
    if (Math.abs(wall - own) < STEP_MS) {
      this.#base = wall - monotonic;
      this.#steppedAt = undefined;
      return wall;
    }
    if (this.#steppedAt === undefined) {
      this.#steppedAt = monotonic;
      this.#log.warn(
        { steppedMs: Math.round(wall - own) },
        'the system clock was set; schedules follow it in a minute if it stays so',
      );
    }
    if (monotonic - this.#steppedAt < BELIEF_MS) return Math.floor(own);
    this.#base = wall - monotonic;
    this.#steppedAt = undefined;
    return wall;
  }
}
