import { RateWindow } from './rate-window.ts';

/** How many seconds an item remembers one by one unless told otherwise. */
const SECONDS = 61;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Steps of the hour and of the day; the current one is part of the sum. */
const HOUR_STEPS = 6;
const DAY_STEPS = 24;

/** Sums of one statistic over three spans, ending now. */
export interface StatsSums {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
}

/**
 * One statistic over the last minute, hour and day (Java: StatsItem). Seconds are counted as they come; the coarse
 * windows get their share once a minute, so that counting costs no more than the seconds do.
 */
export class StatsItem {
  readonly #seconds: RateWindow;
  #hour: RateWindow | undefined;
  #day: RateWindow | undefined;
  /** What of the total the coarse windows have. */
  #folded = 0;
  #foldedAt = 0;
  #foldAt = 0;

  constructor(seconds = SECONDS) {
    this.#seconds = new RateWindow(seconds);
  }

  get total(): number {
    return this.#seconds.total;
  }

  add(nowMs: number, count: number): void {
    if (nowMs >= this.#foldAt) this.#fold(nowMs);
    this.#seconds.add(nowMs, count);
  }

  /** Mean of the last whole `seconds`. */
  perSecond(nowMs: number, seconds: number): number {
    return this.#seconds.perSecond(nowMs, seconds);
  }

  sums(nowMs: number): StatsSums {
    if (nowMs >= this.#foldAt) this.#fold(nowMs);
    const pending = this.total - this.#folded;
    return {
      minute: this.#seconds.sum(nowMs, MINUTE_MS / 1000),
      hour: (this.#hour?.sumOfAll(nowMs) ?? 0) + pending,
      day: (this.#day?.sumOfAll(nowMs) ?? 0) + pending,
    };
  }

  /** Hands what came since the last time to the windows of the hour and the day, under the time it came. */
  #fold(nowMs: number): void {
    const pending = this.total - this.#folded;
    if (pending > 0) {
      this.#hour ??= new RateWindow(HOUR_STEPS, HOUR_MS / HOUR_STEPS);
      this.#day ??= new RateWindow(DAY_STEPS, HOUR_MS);
      this.#hour.add(this.#foldedAt, pending);
      this.#day.add(this.#foldedAt, pending);
      this.#folded = this.total;
    }
    this.#foldedAt = nowMs;
    this.#foldAt = nowMs + MINUTE_MS;
  }
}
