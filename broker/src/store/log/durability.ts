import type { MqError } from '@cometmq/common/error/mq-error';

/**
 * What an acknowledgement promises. `written`: the operating system has it, it survives the death of the process.
 * `synced`: it is on the disk, it survives the death of the machine.
 */
export type Durability = 'written' | 'synced';

/** Is told when the promise holds for all that was appended before it joined. */
export interface DurabilityWaiter {
  durable(): void;
  /** The log is broken: nothing that waited is promised. */
  failed(error: MqError): void;
}

/** Those who wait for one and the same write or sync. */
export class DurabilityGroup {
  #waiters: DurabilityWaiter[] = [];
  #failure: MqError | undefined;

  /** Who joins a group that failed is told at once. */
  join(waiter: DurabilityWaiter): void {
    if (this.#failure === undefined) this.#waiters.push(waiter);
    else waiter.failed(this.#failure);
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.durable();
  }

  fail(error: MqError): void {
    this.#failure = error;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.failed(error);
  }
}

/** A promise for one joining of a group. */
export function whenDurable(group: DurabilityGroup): Promise<void> {
  return new Promise((resolve, reject) => {
    group.join({ durable: resolve, failed: reject });
  });
}
