import { join } from 'node:path';
import type { Clock } from '@cometmq/common/clock/clock';
import type { Disk, DiskSpace } from '@cometmq/common/disk/disk';
import type { GroupGuard } from '../client/group-guard.ts';
import type { DelayDelivery } from '../delay/delay-delivery.ts';
import type { Schedules } from '../delay/schedules.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { StatsItem } from '../stats/stats-item.ts';
import { firstStoreTimestamp } from '../store/first-message.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { PopEngine } from './pop-engine.ts';
import type { Transactions } from '../transaction/transactions.ts';

export interface RuntimeInfoParts {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly dataDir: string;
  readonly store: MessageStore;
  readonly stats: BrokerStats;
  readonly delivery: DelayDelivery;
  readonly transactions: Transactions;
  readonly schedules: Schedules;
  readonly guard: GroupGuard;
  readonly pops: PopEngine;
}

/** What tools and exporters expect and what does not exist in a broker with one event loop and no buffers of its own. */
const ABSENT: Readonly<Record<string, string>> = {
  brokerActive: 'true',
  startAcceptSendRequestTimeStamp: '0',
  putMessageEntireTimeMax: '0',
  putMessageDistributeTime: 'null',
  putLatency99: '0.00',
  putLatency999: '0.00',
  getMessageEntireTimeMax: '0',
  dispatchMaxBuffer: '0',
  dispatchBehindBytes: '0',
  pageCacheLockTimeMills: '0',
  remainHowManyDataToCommit: '0 B',
  remainTransientStoreBufferNumbs: '2147483647',
  EndTransactionQueueSize: '0',
  EndTransactionThreadPoolQueueCapacity: '100000',
  ...pool('send', 10_000),
  ...pool('pull', 100_000),
  ...pool('litePull', 100_000),
  ...pool('query', 20_000),
  ...pool('ack', 100_000),
};

/** The numbers of a running broker, key by key as RocketMQ's (Java: BrokerController runtime info and StoreStatsService). */
export class RuntimeInfoService {
  readonly #parts: RuntimeInfoParts;

  constructor(parts: RuntimeInfoParts) {
    this.#parts = parts;
  }

  /** ms. */
  get startedAt(): number {
    return this.#parts.stats.startedAt;
  }

  async table(): Promise<Record<string, string>> {
    const { clock, disk, dataDir, store, guard } = this.#parts;
    const logDirectory = join(dataDir, 'store', 'commitlog');
    const space = await disk.space(logDirectory);
    const used = ((space.totalBytes - space.freeBytes) / Math.max(space.totalBytes, 1)).toFixed(2);
    return {
      ...ABSENT,
      ...this.#times(clock.now()),
      ...this.#rates(clock.now()),
      ...this.#totals(),
      ...this.#delays(),
      ...transactionsOf(this.#parts.transactions, clock.now()),
      ...this.#timers(clock.now()),
      ...damageOf(store),
      ...popsOf(this.#parts.pops),
      // Not in RocketMQ: why messages are refused, empty while they are not.
      sendRefusal: (store.failure ?? store.refusal)?.message ?? '',
      // Not in RocketMQ: consumer groups whose members do not fit together, and members kept out for that.
      groupConflicts: String(guard.conflicts().length),
      groupRefusals: String(guard.refusals),
      commitLogDirCapacity: capacityText(space),
      commitLogDiskRatio: used,
      [`commitLogDiskRatio_${logDirectory}`]: used,
      consumeQueueDiskRatio: used,
      commitLogMinOffset: String(store.logStart),
      commitLogMaxOffset: String(store.logEnd),
      earliestMessageTimeStamp: String((await firstStoreTimestamp(store)) ?? clock.now()),
      remainHowManyDataToFlush: sizeText(store.unsyncedBytes),
    };
  }

  #times(now: number): Record<string, string> {
    const { startedAt } = this.#parts.stats;
    const seconds = Math.max(Math.floor((now - startedAt) / 1000), 0);
    const [days, hours, minutes] = [seconds / 86_400, (seconds / 3_600) % 24, (seconds / 60) % 60].map(
      Math.floor,
    );
    return {
      bootTimestamp: String(startedAt),
      runtime: `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds % 60} seconds ]`,
    };
  }

  #rates(now: number): Record<string, string> {
    const { puts, pullsFound, pullsMissed, gets } = this.#parts.stats;
    const transferred = rates(now, gets);
    return {
      putTps: rates(now, puts),
      getFoundTps: rates(now, pullsFound),
      getMissTps: rates(now, pullsMissed),
      getTotalTps: rates(now, pullsFound, pullsMissed),
      getTransferredTps: transferred,
      // Until 4.x; exporters look at either.
      getTransferedTps: transferred,
    };
  }

  #totals(): Record<string, string> {
    const { stats } = this.#parts;
    stats.sampleDay();
    const { puts, putBytes, gets, putsFailed, days } = stats;
    return {
      putMessageTimesTotal: String(puts.total),
      putMessageFailedTimes: String(putsFailed),
      putMessageSizeTotal: String(putBytes.total),
      putMessageAverageSize: decimal(puts.total === 0 ? 0 : putBytes.total / puts.total),
      msgPutTotalYesterdayMorning: String(days.puts.yesterdayMorning),
      msgPutTotalTodayMorning: String(days.puts.todayMorning),
      msgPutTotalTodayNow: String(puts.total),
      msgGetTotalYesterdayMorning: String(days.gets.yesterdayMorning),
      msgGetTotalTodayMorning: String(days.gets.todayMorning),
      msgGetTotalTodayNow: String(gets.total),
    };
  }

  /** Timed messages; the names with `schedule` are ours. */
  #timers(now: number): Record<string, string> {
    const { schedules } = this.#parts;
    const { stats, pending, behind } = schedules;
    return {
      timerReadBehind: String(pending > 0 ? Math.max(Math.floor((now - schedules.firstDueAt) / 1000), 0) : 0),
      timerOffsetBehind: String(behind),
      timerCongestNum: String(Math.max(pending, 0)),
      timerEnqueueTps: decimal(stats.accepted.perSecond(now, 10)),
      timerDequeueTps: decimal(stats.fired.perSecond(now, 10)),
      schedulePending: String(Math.max(pending, 0)),
      scheduleFired: String(stats.fired.total),
      scheduleCancelled: String(stats.cancelled),
      scheduleMoved: String(stats.moved),
      scheduleDropped: String(stats.dropped),
      scheduleLatenessP99Ms: String(Math.round(stats.latenessP99Ms)),
    };
  }

  #delays(): Record<string, string> {
    const levels = this.#parts.delivery.progress();
    return Object.fromEntries(
      levels.map(({ offset, max }, index) => [`scheduleMessageOffset_${index + 1}`, `${offset},${max}`]),
    );
  }
}

/** Not in RocketMQ: what is popped, and what became of it. */
function popsOf({ counts }: PopEngine): Record<string, string> {
  const { inFlight, waiting, revived, dead, lost } = counts;
  return {
    popInFlight: String(inFlight),
    popWaiting: String(waiting),
    popRetries: String(revived),
    popDeadLetters: String(dead),
    popExpired: String(lost),
  };
}

/** Not in RocketMQ: what was found damaged since the start. */
function damageOf({ damage }: MessageStore): Record<string, string> {
  return {
    damagedRanges: String(damage.ranges),
    damagedBytes: String(damage.bytes),
    damagedMessages: String(damage.messages),
    repairedEntries: String(damage.repairedEntries),
  };
}

/** Not in RocketMQ: how transactions fare; totals since the start. */
function transactionsOf({ table, stats }: Transactions, now: number): Record<string, string> {
  const { oldest } = table;
  const info: Record<string, string> = {
    transactionHalfMessages: String(table.size),
    transactionHalfMessageBytes: String(table.bytes),
    transactionOldestAgeMs: String(oldest === undefined ? 0 : Math.max(now - oldest.storedAt, 0)),
  };
  for (const [name, count] of Object.entries(stats)) {
    info[`transaction${name.charAt(0).toUpperCase()}${name.slice(1)}Total`] = String(count);
  }
  return info;
}

/** Means of ten seconds, one minute and ten minutes. */
function rates(now: number, ...items: StatsItem[]): string {
  return [10, 60, 600]
    .map((seconds) => decimal(items.reduce((sum, item) => sum + item.perSecond(now, seconds), 0)))
    .join(' ');
}

/** As Java prints a double: always with a fraction. */
function decimal(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function capacityText({ totalBytes, freeBytes }: DiskSpace): string {
  return `Total : ${sizeText(totalBytes)}, Free : ${sizeText(freeBytes)}.`;
}

/** Java: MixAll.humanReadableByteCount. */
function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 6);
  return `${(bytes / 1024 ** power).toFixed(1)} ${'KMGTPE'.charAt(power - 1)}iB`;
}

function pool(name: string, capacity: number): Record<string, string> {
  const prefix = `${name}ThreadPoolQueue`;
  return {
    [`${prefix}Size`]: '0',
    [`${prefix}Capacity`]: String(capacity),
    [`${prefix}HeadWaitTimeMills`]: '0',
  };
}
