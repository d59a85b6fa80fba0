/** Sub-buckets of each power of two: a bucket is at most 1/32 wide, about 3 %. */
const SUB_BITS = 5;
const SUB = 2 ** SUB_BITS;
/** Values up to 2^31 − 1. */
const BUCKETS = (31 - SUB_BITS + 1) * SUB;

/** Counts whole numbers (here: microseconds) in buckets whose width grows with the value. */
export class Histogram {
  readonly counts: number[];
  count = 0;
  max = 0;

  constructor(counts: readonly number[] = []) {
    this.counts = Array.from({ length: BUCKETS }, (_, index) => counts[index] ?? 0);
    for (const count of this.counts) this.count += count;
  }

  add(value: number): void {
    const whole = value < 0 ? 0 : value > 0x7fffffff ? 0x7fffffff : Math.round(value);
    const index = bucketOf(whole);
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.count++;
    if (whole > this.max) this.max = whole;
  }

  merge(other: Histogram): void {
    other.counts.forEach((count, index) => (this.counts[index] = (this.counts[index] ?? 0) + count));
    this.count += other.count;
    this.max = Math.max(this.max, other.max);
  }

  /**
   * The smallest value that at least `share` (0 to 1) of all values do not exceed, by nearest rank, as the upper end of
   * its bucket: rounding never flatters. NaN when nothing was counted.
   */
  quantile(share: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (let index = 0; index < this.counts.length; index++) {
      seen += this.counts[index] ?? 0;
      if (seen >= rank) return Math.min(upperEnd(index), this.max);
    }
    return this.max;
  }

  toJSON(): HistogramData {
    const last = this.counts.findLastIndex((count) => count > 0);
    return { counts: this.counts.slice(0, last + 1), max: this.max };
  }

  static from(data: HistogramData): Histogram {
    const histogram = new Histogram(data.counts);
    histogram.max = data.max;
    return histogram;
  }
}

export interface HistogramData {
  readonly counts: readonly number[];
  readonly max: number;
}

function bucketOf(value: number): number {
  if (value < SUB) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return shift * SUB + (value >>> shift);
}

function upperEnd(index: number): number {
  if (index < 2 * SUB) return index;
  const shift = Math.floor(index / SUB) - 1;
  return (index - shift * SUB + 1) * 2 ** shift - 1;
}
