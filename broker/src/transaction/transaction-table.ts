import type { KeyValueStore } from '../store/kv/key-value-store.ts';

/** A half message that waits for its producer's decision. */
export interface OpenTransaction {
  /** Place in the half topic; what the producer names it by. */
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly producerGroup: string;
  /** ms. */
  readonly storedAt: number;
  /** Not asked about before this time, ms. */
  readonly immuneUntil: number;
  /** How often its producer group was asked. */
  checks: number;
  /** A decision is being carried out. */
  isDeciding: boolean;
}

const DECIDED_PREFIX = 'transaction-decided/';
const LOW_WATER_KEY = 'transaction-low-water';
const OFFSET_DIGITS = 16;

/**
 * Which half messages are open, and which were decided. Half messages themselves are in the log, so only decisions are
 * kept here: those at or behind the low water, below which all are decided.
 */
export class TransactionTable {
  readonly #kv: KeyValueStore;
  readonly #open = new Map<number, OpenTransaction>();
  readonly #decided = new Set<number>();
  #lowWater = 0;

  constructor(kv: KeyValueStore) {
    this.#kv = kv;
  }

  /** Half-topic offset below which everything is decided. */
  get lowWater(): number {
    return this.#lowWater;
  }

  get size(): number {
    return this.#open.size;
  }

  async load(): Promise<void> {
    const water = (await this.#kv.entries(LOW_WATER_KEY))[0];
    this.#lowWater = Number(water?.[1] ?? 0);
    for (const [key] of await this.#kv.entries(DECIDED_PREFIX))
      this.#decided.add(Number(key.slice(DECIDED_PREFIX.length)));
  }

  isDecided(queueOffset: number): boolean {
    return queueOffset < this.#lowWater || this.#decided.has(queueOffset);
  }

  find(queueOffset: number): OpenTransaction | undefined {
    return this.#open.get(queueOffset);
  }

  add(transaction: OpenTransaction): void {
    this.#open.set(transaction.queueOffset, transaction);
  }

  all(): IterableIterator<OpenTransaction> {
    return this.#open.values();
  }

  /** Notes a decision; durable when the promise resolves. `end` is the half topic's end. */
  async decide(queueOffset: number, end: number): Promise<void> {
    this.#open.delete(queueOffset);
    this.#decided.add(queueOffset);
    const changes = [{ key: decidedKey(queueOffset), value: '' as string | undefined }];
    let water = this.#lowWater;
    while (water < end && this.#decided.has(water)) {
      this.#decided.delete(water);
      changes.push({ key: decidedKey(water), value: undefined });
      water++;
    }
    if (water !== this.#lowWater) changes.push({ key: LOW_WATER_KEY, value: String(water) });
    this.#lowWater = water;
    await this.#kv.write(changes, true);
  }
}

function decidedKey(queueOffset: number): string {
  return DECIDED_PREFIX + String(queueOffset).padStart(OFFSET_DIGITS, '0');
}
