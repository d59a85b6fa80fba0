import type { DurabilityGroup, DurabilityWaiter } from '../log/durability.ts';
import type { StoreQueue } from './store-queue.ts';

/**
 * Up to where each queue becomes readable once a group's messages are durable. A message that a consumer has seen can
 * therefore not disappear in a crash.
 */
export class VisibilityMarks implements DurabilityWaiter {
  readonly group: DurabilityGroup;
  readonly #queues: StoreQueue[] = [];
  readonly #offsets: number[] = [];

  constructor(group: DurabilityGroup) {
    this.group = group;
  }

  /** Notes that the queue got a message in this group. */
  touch(queue: StoreQueue): void {
    if (queue.marks === this) {
      this.#offsets[queue.marksIndex] = queue.assigned;
    } else {
      queue.marks = this;
      queue.marksIndex = this.#queues.push(queue) - 1;
      this.#offsets.push(queue.assigned);
    }
  }

  durable(): void {
    for (const [index, queue] of this.#queues.entries()) queue.publish(this.#offsets[index] ?? 0);
  }

  failed(): void {
    // Nothing becomes readable any more.
  }
}
