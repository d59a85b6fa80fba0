import type { Clock } from '@cometmq/common/clock/clock';

interface Entry {
  readonly askedAtMs: number;
  readonly answer: Promise<unknown>;
}

/**
 * Shares answers between browsers: the same question within `maxAgeMs` is put to the brokers once, so ten open pages
 * cost as much as one. Failures are not kept.
 */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, entriesMax: number) {
    this.#clock = clock;
    this.#entriesMax = entriesMax;
  }

  /** `question` must name everything the answer depends on. */
  get<T>(question: string, maxAgeMs: number, ask: () => Promise<T>): Promise<T> {
    const nowMs = this.#clock.monotonic();
    const entry = this.#entries.get(question);
    if (entry && nowMs - entry.askedAtMs < maxAgeMs) return entry.answer as Promise<T>;
    const answer = ask();
    const fresh: Entry = { askedAtMs: nowMs, answer };
    this.#entries.delete(question);
    this.#entries.set(question, fresh);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax) break;
      this.#entries.delete(oldest);
    }
    answer.catch(() => {
      if (this.#entries.get(question) === fresh) this.#entries.delete(question);
    });
    return answer;
  }

  /** After a change: nobody may be shown the state before it. */
  clear(): void {
    this.#entries.clear();
  }
}
