import { Property } from '@cometmq/common/message/property-names';
import type { Backlog } from './backlog.ts';
import type { Delivery } from './delivery.ts';

/** The messages of one key. It exists while it has any, or one of them is at work. */
interface Lane {
  readonly key: string;
  /** In offset order. */
  readonly waiting: Delivery[];
  /** One of its messages is handed out, or failed and rests. */
  isBusy: boolean;
}

/**
 * One message of a sharding key at a time, the keys taking turns. Messages without a key share a lane, so they keep the
 * queue's order: their producer may have ordered them by other means.
 */
export class KeyBacklog implements Backlog {
  readonly #lanes = new Map<string, Lane>();
  /** Lanes with a message to hand out, in the order of their turns. */
  readonly #ready = new Set<Lane>();

  get waiting(): number {
    return this.#ready.size;
  }

  get first(): Delivery | undefined {
    const [lane] = this.#ready;
    return lane?.waiting[0];
  }

  add(delivery: Delivery): void {
    const key = keyOf(delivery);
    let lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, (lane = { key, waiting: [], isBusy: false }));
    lane.waiting.push(delivery);
    if (!lane.isBusy) this.#ready.add(lane);
  }

  /** One at most: messages handed out together would share a failure. */
  take(max: number): Delivery[] {
    const [lane] = this.#ready;
    const delivery = max > 0 ? lane?.waiting.shift() : undefined;
    if (lane === undefined || delivery === undefined) return [];
    this.#ready.delete(lane);
    lane.isBusy = true;
    return [delivery];
  }

  putBack(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) this.#lanes.get(keyOf(delivery))?.waiting.unshift(delivery);
  }

  release(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      const lane = this.#lanes.get(keyOf(delivery));
      if (lane === undefined) continue;
      lane.isBusy = false;
      if (lane.waiting.length > 0) this.#ready.add(lane);
      else this.#lanes.delete(lane.key);
    }
  }
}

/** No key and an empty one are the same. */
function keyOf({ message }: Delivery): string {
  return message.properties.get(Property.SHARDING_KEY) ?? '';
}
