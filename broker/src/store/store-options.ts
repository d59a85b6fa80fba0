import type { Clock } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import type { Logger } from '@cometmq/common/logging/logger';
import type { DiskSpaceLimits } from './disk-space-guard.ts';
import type { Durability } from './log/durability.ts';
import type { TagsCodeRule } from './record-dispatcher.ts';

export interface StoreOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly directory: string;
  /** Size of a log file; fixed for the life of a store. */
  readonly segmentSizeBytes: number;
  /** Memory for the newest part of the log. */
  readonly tailChunks: number;
  /** Size of each of these chunks; larger than the largest record. */
  readonly tailChunkBytes?: number;
  /** Entries of one file of a queue and of the key index; a part of the format, other than the defaults in tests only. */
  readonly queueFileEntries?: number;
  readonly indexSegmentEntries?: number;
  /** What is promised unless a message or topic says otherwise. */
  readonly durability: Durability;
  /** How long a message may stay off the disk when nobody waits for it, ms. */
  readonly syncIntervalMs: number;
  readonly checkpointIntervalMs: number;
  /** Messages older than this may go, ms. */
  readonly retentionMs: number;
  /** The log may not take more than this. */
  readonly logSizeMaxBytes: number;
  /** When the disk counts as full; undefined: when there is no room for a further segment. */
  readonly diskSpace?: DiskSpaceLimits;
  /** Address and port that message ids and records carry. */
  readonly storeHost: Uint8Array;
  readonly tagsCodeRule: TagsCodeRule;
}
