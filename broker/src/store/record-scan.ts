import type { RecordProperties } from './record-properties.ts';

/** Decides on a message by its properties. */
export interface RecordFilter {
  matches(properties: ReadonlyMap<string, string>): boolean;
}

/** Records that one scan looks at, and bytes that it reads for that. */
const RECORDS_MAX = 256;
const BYTES_MAX = 4 * 1024 * 1024;

/** One look through a queue with a filter that needs the records themselves. It ends when its budget is spent. */
export class RecordScan {
  readonly #properties: RecordProperties;
  readonly #filter: RecordFilter;
  #records = 0;
  #bytes = 0;

  constructor(properties: RecordProperties, filter: RecordFilter) {
    this.#properties = properties;
    this.#filter = filter;
  }

  /** Nothing more should be looked at. Never true before the first record. */
  get isSpent(): boolean {
    return this.#records >= RECORDS_MAX || this.#bytes >= BYTES_MAX;
  }

  /** False also for a record that is gone. */
  matches(physicalOffset: number, size: number): boolean {
    const properties = this.#properties.read(physicalOffset, size);
    this.#records++;
    this.#bytes += this.#properties.lastBytes;
    return properties !== undefined && this.#filter.matches(properties);
  }
}
