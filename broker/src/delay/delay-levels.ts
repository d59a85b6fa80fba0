import { MqError } from '@cometmq/common/error/mq-error';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The delay of each level, counted from 1 (Java: messageDelayLevel). */
export class DelayLevels {
  readonly #delaysMs: readonly number[];

  /** @throws MqError `INVALID_ARGUMENT` for a text that is not like `1s 5s 10m 2h`. */
  constructor(text: string) {
    this.#delaysMs = text
      .trim()
      .split(/\s+/)
      .map((word) => {
        const match = /^(\d+)([smhd])$/.exec(word);
        const delayMs = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ''] ?? Number.NaN);
        if (!Number.isSafeInteger(delayMs))
          throw new MqError('INVALID_ARGUMENT', `${word} is not a delay such as 10m`);
        return delayMs;
      });
  }

  get count(): number {
    return this.#delaysMs.length;
  }

  /** Levels beyond the last one mean the last one. */
  clamp(level: number): number {
    return Math.min(level, this.#delaysMs.length);
  }

  delayMs(level: number): number {
    return this.#delaysMs[level - 1] ?? 0;
  }
}
