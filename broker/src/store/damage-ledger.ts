import type { Clock } from '@cometmq/common/clock/clock';
import type { Logger } from '@cometmq/common/logging/logger';
import { SummarizedLog } from '@cometmq/common/logging/summarized-log';

/** What was found damaged since the start. */
export interface DamageCounts {
  /** Stretches of the log that can't be read. */
  readonly ranges: number;
  readonly bytes: number;
  /** Messages that readers or queues stepped over because of them; each counts once. */
  readonly messages: number;
  /** Entries of queues and of the key index that were made anew from the log. */
  readonly repairedEntries: number;
}

/** A stretch of the log, by its file as well. */
export interface LogDamage {
  readonly start: number;
  readonly end: number;
  readonly file: string;
  readonly reason: string;
}

/** Ranges and messages that are told apart; what comes behind that many is counted each time it is met. */
const REMEMBERED_MAX = 10_000;
/** Damage of a disk comes in masses; a log that drowns in it helps nobody. */
const LOG_PERIOD_MS = 30_000;

/** Counts and logs what is damaged, each thing once. */
export class DamageLedger {
  readonly log: SummarizedLog;
  readonly #ranges: { start: number; end: number }[] = [];
  readonly #messages = new Set<number>();
  #counts = { ranges: 0, bytes: 0, messages: 0, repairedEntries: 0 };

  constructor(log: Logger, clock: Clock) {
    this.log = new SummarizedLog(log, clock, LOG_PERIOD_MS);
  }

  get counts(): DamageCounts {
    return this.#counts;
  }

  /** True when the position is known to be damaged: nobody needs to look again. */
  covers(position: number): boolean {
    return this.#ranges.some(({ start, end }) => position >= start && position < end);
  }

  range({ start, end, file, reason }: LogDamage): void {
    if (this.#ranges.some((known) => start < known.end && end > known.start)) return;
    this.#counts.bytes += end - start;
    const before = this.#ranges.find((known) => known.end === start);
    if (before !== undefined) {
      before.end = end;
      return;
    }
    this.#counts.ranges++;
    if (this.#ranges.length < REMEMBERED_MAX) this.#ranges.push({ start, end });
    this.log.error(
      { file, start, end, reason },
      'a part of the log is damaged: messages in it are stepped over, those behind it are not; see comet store verify',
    );
  }

  /** A read failed. It may succeed the next time, so the place is not remembered. */
  unreadable(position: number, reason: string): void {
    this.log.error({ position, reason }, 'a part of the log can not be read now');
  }

  /** A reader could not have the message at a log position. */
  message(position: number): void {
    if (this.#messages.has(position)) return;
    if (this.#messages.size < REMEMBERED_MAX) this.#messages.add(position);
    this.#counts.messages++;
  }

  /** Messages that left nothing but holes in their queues. */
  holes(count: number): void {
    this.#counts.messages += count;
  }

  repaired(entries: number): void {
    this.#counts.repairedEntries += entries;
  }

  close(): void {
    this.log.close();
  }
}
