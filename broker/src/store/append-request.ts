import type { PropertyScan } from './property-scan.ts';
import type { StoreQueue } from './queue/store-queue.ts';

/**
 * A message to append, as bytes. Mutable and reused on the hot path: the store reads it during the call only.
 * `propertyScan` must have been run over the properties.
 */
export interface AppendRequest {
  queue: StoreQueue;
  /** UTF-8 bytes of the topic's name. */
  topic: Uint8Array;
  flag: number;
  sysFlag: number;
  bornTimestamp: number;
  /** Address and port: 8 bytes, or 20 with the IPv6 bit in `sysFlag`. */
  bornHost: Uint8Array;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Buffer;
  bodyStart: number;
  bodyEnd: number;
  properties: Buffer;
  propertiesStart: number;
  propertiesEnd: number;
  propertyScan: PropertyScan;
  /** Value for the queue entry instead of the tag's hash (delay queues: due time). */
  tagsCode: number | undefined;
}

/** Where an appended message is. Reused on the hot path. */
export interface AppendResult {
  physicalOffset: number;
  queueOffset: number;
  storeTimestamp: number;
}
