import { StatsItem } from '../stats/stats-item.ts';

const SAMPLES = 4_096;

/** Counts of what happened to timed messages since the start, and how late the last few thousand were. */
export class ScheduleStats {
  readonly accepted = new StatsItem();
  readonly fired = new StatsItem();
  cancelled = 0;
  moved = 0;
  /** Given up because their topic or their record is gone. */
  dropped = 0;
  readonly #latenessMs = new Float64Array(SAMPLES);
  #samples = 0;

  noteFired(now: number, latenessMs: number): void {
    this.fired.add(now, 1);
    this.#latenessMs[this.#samples++ % SAMPLES] = latenessMs;
  }

  /** ms that 99 of 100 of the last few thousand were late at most; 0 without any. */
  get latenessP99Ms(): number {
    const seen = Math.min(this.#samples, SAMPLES);
    const sorted = this.#latenessMs.slice(0, seen).sort();
    return sorted[Math.max(Math.ceil(seen * 0.99) - 1, 0)] ?? 0;
  }
}
