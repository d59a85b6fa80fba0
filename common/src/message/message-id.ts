import type { Clock } from '../clock/clock.ts';
import type { RandomSource } from '../random/random.ts';
import { decodeHost } from './host.ts';

/** Where a message is: the broker that stored it and the position in that broker's log. */
export interface MessagePlace {
  readonly address: string;
  readonly port: number;
  readonly physicalOffset: number;
}

/** The id a broker gives: store host and physical offset in upper-case hexadecimal (32 or 56 characters). */
export function encodeOffsetMessageId(storeHost: Uint8Array, physicalOffset: number): string {
  const id = Buffer.alloc(storeHost.length + 8);
  id.set(storeHost, 0);
  id.writeUInt32BE(Math.floor(physicalOffset / 2 ** 32), storeHost.length);
  id.writeUInt32BE(physicalOffset >>> 0, storeHost.length + 4);
  return id.toString('hex').toUpperCase();
}

/** Reads an id of `encodeOffsetMessageId`; undefined when the text can't be one. */
export function decodeOffsetMessageId(id: string): MessagePlace | undefined {
  if (!/^(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{56})$/.test(id)) return undefined;
  const bytes = Buffer.from(id, 'hex');
  const { address, port } = decodeHost(bytes, 0, id.length === 56);
  const physicalOffset = Number(bytes.readBigInt64BE(bytes.length - 8));
  if (!Number.isSafeInteger(physicalOffset) || physicalOffset < 0 || port < 0 || port > 65_535)
    return undefined;
  return { address, port, physicalOffset };
}

/**
 * Makes `UNIQ_KEY`s, the ids that users see: address, process id, four random bytes (Java: class loader hash),
 * milliseconds since the start of the month, counter; 32 hexadecimal characters.
 */
export class UniqueKeyGenerator {
  readonly #clock: Clock;
  readonly #prefix: string;
  #monthStart = 0;
  #nextMonthStart = 0;
  #counter: number;

  constructor(clock: Clock, random: RandomSource, addressBytes: Uint8Array, processId: number) {
    this.#clock = clock;
    const prefix = Buffer.alloc(10);
    prefix.set(addressBytes.subarray(0, 4), 0);
    prefix.writeUInt16BE(processId & 0xffff, 4);
    prefix.set(random.bytes(4), 6);
    this.#prefix = prefix.toString('hex').toUpperCase();
    this.#counter = random.below(0x10000);
  }

  next(): string {
    const now = this.#clock.now();
    if (now < this.#monthStart || now >= this.#nextMonthStart) this.#enterMonth(now);
    this.#counter = (this.#counter + 1) & 0xffff;
    const sinceMonthStart = (now - this.#monthStart) >>> 0;
    return (
      this.#prefix +
      sinceMonthStart.toString(16).padStart(8, '0').toUpperCase() +
      this.#counter.toString(16).padStart(4, '0').toUpperCase()
    );
  }

  #enterMonth(now: number): void {
    const date = new Date(now);
    this.#monthStart = new Date(date.getFullYear(), date.getMonth(), 1).getTime();
    this.#nextMonthStart = new Date(date.getFullYear(), date.getMonth() + 1, 1).getTime();
  }
}
