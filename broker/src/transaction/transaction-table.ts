import type { KeyValueChange, KeyValueStore } from '../store/kv/key-value-store.ts';

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
/** Half messages that stay open while all around them are decided, and that the low water has passed. */
const STRAGGLER_PREFIX = 'transaction-open/';
const OFFSET_DIGITS = 16;
/** Decisions kept above the low water; beyond that it passes what is still open. */
const DECIDED_MAX = 1_000;

/**
 * Which half messages are open, and which were decided. Half messages themselves are in the log, so only decisions are
 * kept here: those at or behind the low water. Below it all are decided but the stragglers, so that one message that nobody
 * decides does not make the decisions behind it pile up.
 */
export class TransactionTable {
  readonly #kv: KeyValueStore;
  readonly #open = new Map<number, OpenTransaction>();
  readonly #decided = new Set<number>();
  readonly #stragglers = new Set<number>();
  #lowWater = 0;

  constructor(kv: KeyValueStore) {
    this.#kv = kv;
  }

  /** Half-topic offset below which everything is decided but the stragglers. */
  get lowWater(): number {
    return this.#lowWater;
  }

  /** Oldest half-topic offset that may be open. */
  get oldestOpen(): number {
    // In the order in which the low water passed them, so the first is the oldest.
    const [oldest] = this.#stragglers;
    return oldest ?? this.#lowWater;
  }

  get size(): number {
    return this.#open.size;
  }

  async load(): Promise<void> {
    const water = (await this.#kv.entries(LOW_WATER_KEY))[0];
    this.#lowWater = Number(water?.[1] ?? 0);
    for (const [key] of await this.#kv.entries(DECIDED_PREFIX))
      this.#decided.add(Number(key.slice(DECIDED_PREFIX.length)));
    for (const [key] of await this.#kv.entries(STRAGGLER_PREFIX))
      this.#stragglers.add(Number(key.slice(STRAGGLER_PREFIX.length)));
  }

  isDecided(queueOffset: number): boolean {
    if (queueOffset < this.#lowWater) return !this.#stragglers.has(queueOffset);
    return this.#decided.has(queueOffset);
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
    if (this.#stragglers.delete(queueOffset)) {
      await this.#kv.write([{ key: keyOf(STRAGGLER_PREFIX, queueOffset), value: undefined }], true);
      return;
    }
    this.#decided.add(queueOffset);
    const changes: KeyValueChange[] = [{ key: keyOf(DECIDED_PREFIX, queueOffset), value: '' }];
    let water = this.#lowWater;
    for (; water < end && (this.#decided.has(water) || this.#decided.size > DECIDED_MAX); water++) {
      if (this.#decided.delete(water)) {
        changes.push({ key: keyOf(DECIDED_PREFIX, water), value: undefined });
      } else {
        this.#stragglers.add(water);
        changes.push({ key: keyOf(STRAGGLER_PREFIX, water), value: '' });
      }
    }
    if (water !== this.#lowWater) changes.push({ key: LOW_WATER_KEY, value: String(water) });
    this.#lowWater = water;
    await this.#kv.write(changes, true);
  }
}

function keyOf(prefix: string, queueOffset: number): string {
  return prefix + String(queueOffset).padStart(OFFSET_DIGITS, '0');
}
