import type { Stored } from './reference-message.ts';
import { javaHash } from './reference-message.ts';

/** Answer to a pull: response code, where to go on, and the offsets that are given out. */
export interface ExpectedPull {
  readonly code: number;
  readonly next: number;
  readonly offsets: readonly number[];
}

const FOUND = 0;
const PULL_NOT_FOUND = 19;
const PULL_RETRY_IMMEDIATELY = 20;
const PULL_OFFSET_MOVED = 21;
/** Messages of one answer. */
const PULL_MAX = 32;

/** One queue: all messages it ever had, the oldest of which are gone. */
export class ReferenceQueue {
  readonly messages: Stored[] = [];
  min = 0;

  get max(): number {
    return this.messages.length;
  }

  /** Those that are still there. */
  get present(): readonly Stored[] {
    return this.messages.slice(this.min);
  }

  /**
   * Semantics 2.10 and 2.11; `next` of an offset beyond the end is the end (remoting 3.3.3). A read may end early, at
   * `told`, but it must get on.
   */
  pull(offset: number, countMax: number, tags: readonly string[], told: number): ExpectedPull {
    const { min, max } = this;
    if (max === 0) return { code: offset === 0 ? PULL_NOT_FOUND : PULL_OFFSET_MOVED, next: 0, offsets: [] };
    if (offset < min) return { code: PULL_OFFSET_MOVED, next: min, offsets: [] };
    if (offset === max) return { code: PULL_NOT_FOUND, next: offset, offsets: [] };
    if (offset > max) return { code: PULL_OFFSET_MOVED, next: max, offsets: [] };
    const hashes = new Set(tags.map(javaHash));
    const offsets: number[] = [];
    const end = told > offset ? Math.min(told, max) : max;
    let next = offset;
    for (; next < end && offsets.length < Math.min(countMax, PULL_MAX); next++) {
      const tag = this.messages[next]?.draft.tag;
      if (tags.length === 0 || (tag !== undefined && hashes.has(javaHash(tag)))) offsets.push(next);
    }
    return { code: offsets.length > 0 ? FOUND : PULL_RETRY_IMMEDIATELY, next, offsets };
  }

  /** Semantics 2.16, LOWER: the first message stored at or after a time; the end when all are older. */
  atOrAfter(time: number): number {
    const found = this.present.find(({ storedAt }) => storedAt >= time);
    return found?.offset ?? this.max;
  }

  /** Semantics 2.16, UPPER: the last message stored at or before a time; the oldest when all are newer. */
  atOrBefore(time: number): number {
    const found = this.present.findLast(({ storedAt }) => storedAt <= time);
    return found?.offset ?? this.min;
  }
}
