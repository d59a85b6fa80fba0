import { ReferenceBroker } from '../reference/reference-broker.ts';
import type { Flush } from './broker-under-test.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

/** Short, so that a run of a few steps sees files roll, expire, and all delays fire. */
export const LIMITS = {
  retentionMs: 60_000,
  segmentSizeBytes: 1024 * 1024,
  delayLevels: '1s 5s 10s 30s',
} as const;
export const DELAYS_MS = [1_000, 5_000, 10_000, 30_000] as const;

/** The broker, what it should be like, and what was done to it. */
export class World {
  readonly flush: Flush;
  readonly broker: BrokerUnderTest;
  readonly reference = new ReferenceBroker(LIMITS);
  /** Line by line what the steps did, for whoever reads a failure. */
  readonly story: string[] = [];
  #told = 0;

  private constructor(flush: Flush) {
    this.flush = flush;
    this.broker = new BrokerUnderTest(flush, LIMITS);
  }

  static async start(flush: Flush): Promise<World> {
    const world = new World(flush);
    await world.broker.start();
    world.reference.upSince = world.broker.now;
    return world;
  }

  tell(line: string): void {
    if (this.#told === 0) this.#told = this.broker.now;
    this.story.push(`${String(this.broker.now - this.#told).padStart(8)} ms  ${line}`);
  }
}
