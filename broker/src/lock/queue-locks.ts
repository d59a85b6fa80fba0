import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { Limits } from '../config/limits.ts';

/** A lock that its holder did not renew for this long is free (Java: REBALANCE_LOCK_MAX_LIVE_TIME). */
const LOCK_LIFE_MS = 60_000;

interface QueueLock {
  clientId: string;
  renewedMs: number;
}

/**
 * Which member of a group may consume which queue in order. In memory, as in RocketMQ: after a restart holders lock
 * again before anybody else's wait ends.
 */
export class QueueLocks {
  readonly #clock: Clock;
  /** Group to queue name to lock. */
  readonly #groups = new Map<string, Map<string, QueueLock>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes or renews a lock; false when somebody else holds it. `queue` is the queue's whole name. */
  lock(group: string, queue: string, clientId: string): boolean {
    let locks = this.#groups.get(group);
    if (locks === undefined) {
      if (this.#groups.size >= Limits.groups) {
        throw new MqError('SYSTEM_BUSY', `${this.#groups.size} groups hold locks, which is the limit`);
      }
      this.#groups.set(group, (locks = new Map<string, QueueLock>()));
    }
    const now = this.#clock.monotonic();
    const present = locks.get(queue);
    if (present === undefined && locks.size >= Limits.locksPerGroup) {
      throw new MqError('INVALID_ARGUMENT', `group ${group} holds ${locks.size} locks, which is the limit`);
    }
    if (present !== undefined && present.clientId !== clientId && now - present.renewedMs <= LOCK_LIFE_MS)
      return false;
    locks.set(queue, { clientId, renewedMs: now });
    return true;
  }

  unlock(group: string, queue: string, clientId: string): void {
    const locks = this.#groups.get(group);
    if (locks?.get(queue)?.clientId !== clientId) return;
    locks.delete(queue);
    if (locks.size === 0) this.#groups.delete(group);
  }

  /** Frees all locks of a client that said goodbye or whose connection broke. */
  unlockAll(group: string, clientId: string): void {
    for (const [queue, lock] of this.#groups.get(group) ?? []) {
      if (lock.clientId === clientId) this.unlock(group, queue, clientId);
    }
  }

  /** Forgets locks that nobody renewed: their groups may never come back. */
  expire(): void {
    const limit = this.#clock.monotonic() - LOCK_LIFE_MS;
    for (const [group, locks] of this.#groups) {
      for (const [queue, lock] of locks) if (lock.renewedMs < limit) locks.delete(queue);
      if (locks.size === 0) this.#groups.delete(group);
    }
  }

  /** Groups with a lock, held or not yet forgotten. */
  get groupCount(): number {
    return this.#groups.size;
  }

  /** True while some member of the group consumes in order. */
  isHeld(group: string): boolean {
    const now = this.#clock.monotonic();
    for (const lock of this.#groups.get(group)?.values() ?? [])
      if (now - lock.renewedMs <= LOCK_LIFE_MS) return true;
    return false;
  }
}
