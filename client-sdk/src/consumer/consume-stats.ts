import type { Clock } from '@cometmq/common/clock/clock';

interface Counters {
  pulled: number;
  pullMs: number;
  pulls: number;
  ok: number;
  failed: number;
  consumeMs: number;
}

const BUCKET_MS = 10_000;
const BUCKETS = 6;

/** What one topic did in the last minute, as GET_CONSUMER_RUNNING_INFO reports it. */
export class ConsumeStats {
  readonly #clock: Clock;
  readonly #buckets = new Map<number, Counters>();
  #failedEver = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  pulled(messages: number, tookMs: number): void {
    const bucket = this.#bucket();
    bucket.pulled += messages;
    bucket.pulls++;
    bucket.pullMs += tookMs;
  }

  consumed(ok: number, failed: number, tookMs: number): void {
    const bucket = this.#bucket();
    bucket.ok += ok;
    bucket.failed += failed;
    bucket.consumeMs += tookMs;
    this.#failedEver += failed;
  }

  /** Java's members: rates per second, times in ms. */
  report(): Record<string, number> {
    this.#bucket();
    const sum = (pick: (counters: Counters) => number): number =>
      [...this.#buckets.values()].reduce((total, counters) => total + pick(counters), 0);
    const seconds = (BUCKET_MS * BUCKETS) / 1000;
    const consumed = sum(({ ok, failed }) => ok + failed);
    return {
      consumeFailedMsgs: this.#failedEver,
      consumeFailedTPS: sum(({ failed }) => failed) / seconds,
      consumeOKTPS: sum(({ ok }) => ok) / seconds,
      consumeRT: sum(({ consumeMs }) => consumeMs) / Math.max(1, consumed),
      pullRT:
        sum(({ pullMs }) => pullMs) /
        Math.max(
          1,
          sum(({ pulls }) => pulls),
        ),
      pullTPS: sum(({ pulled }) => pulled) / seconds,
    };
  }

  #bucket(): Counters {
    const index = Math.floor(this.#clock.monotonic() / BUCKET_MS);
    for (const old of this.#buckets.keys()) if (old <= index - BUCKETS) this.#buckets.delete(old);
    let bucket = this.#buckets.get(index);
    if (bucket === undefined) {
      bucket = { pulled: 0, pullMs: 0, pulls: 0, ok: 0, failed: 0, consumeMs: 0 };
      this.#buckets.set(index, bucket);
    }
    return bucket;
  }
}
