import type { Clock, Timer } from '@cometmq/common/clock/clock';
import type { Disk, DiskSpace } from '@cometmq/common/disk/disk';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';

export interface DiskSpaceLimits {
  /** Share of the disk in use from which on the log warns, percent. */
  readonly warnPercent: number;
  /** Share from which on nothing is appended, percent; 100: only a disk without room for a further segment refuses. */
  readonly fullPercent: number;
}

export interface DiskSpaceGuardOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly directory: string;
  readonly diskSpace?: DiskSpaceLimits | undefined;
}

const PERIOD_MS = 1_000;
/** It must get this much better, in percent of the disk, before it counts as better: else it would flap. */
const HYSTERESIS_PERCENT = 3;
const GIB = 2 ** 30;
/** A tenth of a large disk is a lot: with this much left nothing is refused, whatever the share. */
const FREE_ENOUGH_BYTES = 16 * GIB;

/**
 * Refuses appends before the disk is full: what is already stored needs room for its queues, index and settings, and so
 * do the operators. Reading goes on, nothing is deleted for it, and appends resume by themselves.
 */
export class DiskSpaceGuard {
  readonly #options: DiskSpaceGuardOptions;
  #timer: Timer | undefined;
  #isWarned = false;
  #refusal: MqError | undefined;
  #stopped = false;

  constructor(options: DiskSpaceGuardOptions) {
    this.#options = options;
  }

  /** Why nothing may be appended now. */
  get refusal(): MqError | undefined {
    return this.#refusal;
  }

  /** Looks once, then every second. */
  async start(): Promise<void> {
    if (this.#options.diskSpace === undefined) return;
    await this.#look(this.#options.diskSpace);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(limits: DiskSpaceLimits): Promise<void> {
    const { disk, clock, log, directory } = this.#options;
    try {
      this.#judge(limits, await disk.space(directory));
    } catch (error) {
      log.warn({ reason: errorText(error) }, 'how full the disk is could not be found out');
    }
    if (this.#stopped) return;
    this.#timer = clock.setTimer(PERIOD_MS, () => void this.#look(limits));
  }

  #judge({ warnPercent, fullPercent }: DiskSpaceLimits, space: DiskSpace): void {
    const { log, directory } = this.#options;
    const used = usedPercent(space);
    const figures = { usedPercent: Math.round(used), freeMiB: mebibytes(space.freeBytes) };
    const isFull = this.#isOver(used, fullPercent, space.freeBytes, this.#refusal !== undefined);
    if (isFull && this.#refusal === undefined) {
      log.error({ directory, ...figures }, 'the disk is nearly full; messages are refused, reading goes on');
    } else if (!isFull && this.#refusal !== undefined) {
      log.info({ directory, ...figures }, 'the disk has room again; messages are accepted');
    }
    this.#refusal = isFull ? refusalOf(directory, space, fullPercent) : undefined;
    const isHigh = this.#isOver(used, warnPercent, space.freeBytes, this.#isWarned);
    if (isHigh && !this.#isWarned && !isFull) {
      log.warn({ directory, ...figures, refusedFromPercent: fullPercent }, 'the disk is filling up');
    }
    this.#isWarned = isHigh;
  }

  #isOver(used: number, limit: number, freeBytes: number, wasOver: boolean): boolean {
    if (limit >= 100) return false;
    if (!wasOver) return used >= limit && freeBytes < FREE_ENOUGH_BYTES;
    return used > limit - HYSTERESIS_PERCENT && freeBytes < FREE_ENOUGH_BYTES + GIB;
  }
}

function usedPercent({ totalBytes, freeBytes }: DiskSpace): number {
  return totalBytes === 0 ? 0 : ((totalBytes - freeBytes) / totalBytes) * 100;
}

function refusalOf(directory: string, space: DiskSpace, fullPercent: number): MqError {
  const free = `${mebibytes(space.freeBytes)} of ${mebibytes(space.totalBytes)} MiB are free`;
  return new MqError(
    'SERVICE_NOT_AVAILABLE',
    `the disk of ${directory} is ${usedPercent(space).toFixed(1)} % full, ${free}; messages are refused from ${fullPercent} % on`,
    {
      hint: `free disk space; reading goes on meanwhile and sending resumes by itself below ${fullPercent - HYSTERESIS_PERCENT} %`,
    },
  );
}

function mebibytes(bytes: number): string {
  return (bytes / (1024 * 1024)).toFixed(1);
}
