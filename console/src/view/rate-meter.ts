interface Sample {
  readonly atMs: number;
  readonly total: number;
}

const WINDOW_MS = 15_000;
const SPAN_MIN_MS = 900;
const SAMPLES_MAX = 16;

/** Turns counters that are read now and then into rates over the last 15 s. */
export class RateMeter {
  readonly #seriesMax: number;
  readonly #series = new Map<string, Sample[]>();

  constructor(seriesMax: number) {
    this.#seriesMax = seriesMax;
  }

  /** Per second; undefined until two readings are a second apart, and after a counter went backwards. */
  observe(name: string, total: number | undefined, atMs: number): number | undefined {
    if (total === undefined) return undefined;
    const samples = this.#series.get(name) ?? [];
    this.#series.delete(name);
    this.#series.set(name, samples);
    for (const oldest of this.#series.keys()) {
      if (this.#series.size <= this.#seriesMax) break;
      this.#series.delete(oldest);
    }
    const last = samples.at(-1);
    if (last && (total < last.total || atMs < last.atMs)) samples.length = 0;
    // Two readings of the same moment (a cached answer) are one.
    if (samples.at(-1)?.atMs !== atMs) samples.push({ atMs, total });
    while (
      samples.length > SAMPLES_MAX ||
      (samples.length > 2 && atMs - (samples[0]?.atMs ?? atMs) > WINDOW_MS)
    )
      samples.shift();
    const first = samples[0];
    if (!first || atMs - first.atMs < SPAN_MIN_MS) return undefined;
    return ((total - first.total) * 1000) / (atMs - first.atMs);
  }
}
