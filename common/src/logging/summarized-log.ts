import type { Clock, Timer } from '../clock/clock.ts';
import type { LogFields, Logger } from './logger.ts';

interface Kind {
  readonly level: 'warn' | 'error';
  /** Lines since the last one that was written. */
  left: number;
  lastFields: LogFields;
  readonly timer: Timer;
}

/**
 * For lines that can come by the thousand: the first of a kind is written at once, those of the following period as one
 * line with their number and the fields of the last.
 */
export class SummarizedLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #periodMs: number;
  /** By text; texts are constants. */
  readonly #kinds = new Map<string, Kind>();

  constructor(log: Logger, clock: Clock, periodMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  warn(fields: LogFields, text: string): void {
    this.#say('warn', fields, text);
  }

  error(fields: LogFields, text: string): void {
    this.#say('error', fields, text);
  }

  /** Writes what waits. */
  close(): void {
    for (const [text, kind] of this.#kinds) {
      kind.timer.cancel();
      this.#summarize(text, kind);
    }
    this.#kinds.clear();
  }

  #say(level: Kind['level'], fields: LogFields, text: string): void {
    const present = this.#kinds.get(text);
    if (present !== undefined) {
      present.left++;
      present.lastFields = fields;
      return;
    }
    this.#log[level](fields, text);
    this.#begin(level, text);
  }

  #begin(level: Kind['level'], text: string): void {
    const timer = this.#clock.setTimer(this.#periodMs, () => {
      const kind = this.#kinds.get(text);
      this.#kinds.delete(text);
      if (kind === undefined || kind.left === 0) return;
      this.#summarize(text, kind);
      this.#begin(level, text);
    });
    this.#kinds.set(text, { level, left: 0, lastFields: {}, timer });
  }

  #summarize(text: string, { level, left, lastFields }: Kind): void {
    if (left > 0) this.#log[level]({ ...lastFields, times: left }, text);
  }
}
