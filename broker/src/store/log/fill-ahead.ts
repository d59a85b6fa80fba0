import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { LogSegment } from './log-segment.ts';
import { ZEROS } from './segment-file.ts';

/** Steps block the event loop, so they are small: about 0.1 ms each. */
const STEP = 256 * 1024;
const PAUSE_MS = 2;
const RETRY_MS = 1_000;

/**
 * Fills the first segment with zeros in small steps ahead of the log. The writes are synchronous: only so can none of
 * them land on what was appended meanwhile.
 */
export class FillAhead {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #segment: LogSegment;
  readonly #segmentSize: number;
  readonly #writtenOffset: () => number;
  #filled = 0;
  #timer: Timer | undefined;
  /** Why the rest can't be filled now, for example a full disk. */
  fault: string | undefined;

  constructor(
    clock: Clock,
    log: Logger,
    segment: LogSegment,
    segmentSize: number,
    writtenOffset: () => number,
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#segment = segment;
    this.#segmentSize = segmentSize;
    this.#writtenOffset = writtenOffset;
    this.#step();
  }

  /** Log position up to which the disk is known to have room; all of it while nothing failed. */
  get limit(): number {
    return this.fault === undefined ? Infinity : this.#segment.base + this.#filled;
  }

  stop(): void {
    this.#timer?.cancel();
    this.fault = undefined;
  }

  #step(): void {
    const used = Math.ceil((this.#writtenOffset() - this.#segment.base) / STEP) * STEP;
    // Behind a fault the log stops before what is not filled.
    if (this.fault === undefined) this.#filled = Math.max(this.#filled, used);
    if (this.#filled >= this.#segmentSize) {
      this.fault = undefined;
      return;
    }
    try {
      const size = Math.min(STEP, this.#segmentSize - this.#filled);
      this.#segment.file.writeSync(ZEROS, 0, size, this.#filled);
    } catch (error) {
      const reason = errorText(error);
      if (this.fault === undefined) {
        this.#log.error({ reason }, 'the log segment could not be filled ahead; it is tried again');
      }
      this.fault = reason;
      this.#again(RETRY_MS);
      return;
    }
    this.fault = undefined;
    this.#filled += STEP;
    this.#again(PAUSE_MS);
  }

  #again(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#step();
    });
  }
}
