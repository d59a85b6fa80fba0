import type { StoreOptions } from '@cometmq/broker/store/store-options';

/** Parts of the disk's work that take a while, so that much else happens meanwhile. */
export type SlowPart = 'syncs' | 'names' | 'derived';
/** How a life of the store ends: in order, by the death of the process, by a power cut, or with its index removed. */
export type LifeEnd = 'close' | 'kill' | 'power' | 'lose index';

export interface WorkloadPlan {
  readonly name: string;
  readonly seed: number;
  readonly store: Partial<StoreOptions>;
  readonly slow: readonly SlowPart[];
  /** Often there is no room for a further segment, so that expired ones are recycled. */
  readonly isTight: boolean;
  readonly lives: readonly LifeEnd[];
  readonly roundsPerLife: number;
}

export const SEGMENT_SIZE = 4096;
/** Everything is small, so that segments, queue files and index segments roll all the time. */
export const SMALL_STORE: Partial<StoreOptions> = {
  segmentSizeBytes: SEGMENT_SIZE,
  tailChunkBytes: 2 * SEGMENT_SIZE,
  queueFileEntries: 6,
  indexSegmentEntries: 48,
  checkpointIntervalMs: 40,
  syncIntervalMs: 15,
};
