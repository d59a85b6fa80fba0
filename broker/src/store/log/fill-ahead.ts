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
  /** Bytes of the segment that the disk is known to have room for. */
  #filled = 0;
  #isDone = false;
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

  /**
   * Sees to it that the disk has room for the log up to a position; false when it has none. A write of the log into a hole
   * could find the disk full, and a failed write of the log is its end.
   */
  reach(offset: number): boolean {
    while (!this.#isDone && this.#segment.base + this.#filled < offset) {
      // After a failure only the timer tries again: senders that come by the thousand must not.
      if (this.fault !== undefined || !this.#fill()) return false;
    }
    return true;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#isDone = true;
    this.fault = undefined;
  }

  #step(): void {
    if (this.#fill() && !this.#isDone) this.#again(PAUSE_MS);
  }

  #fill(): boolean {
    this.#filled = Math.max(this.#filled, this.#writtenOffset() - this.#segment.base);
    try {
      const size = Math.min(STEP, this.#segmentSize - this.#filled);
      if (size > 0) this.#segment.file.writeSync(ZEROS, 0, size, this.#filled);
      this.#filled += size;
    } catch (error) {
      const reason = errorText(error);
      if (this.fault === undefined) {
        this.#log.error({ reason }, 'the log segment could not be filled ahead; it is tried again');
      }
      this.fault = reason;
      this.#again(RETRY_MS);
      return false;
    }
    if (this.fault !== undefined) this.#log.info({}, 'there is room for the log segment again');
    this.fault = undefined;
    this.#isDone = this.#filled === this.#segmentSize;
    return true;
  }

  #again(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#step();
    });
  }
}
