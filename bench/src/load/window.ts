import { setTimeout as sleep } from 'node:timers/promises';
import type { Meter } from './meter.ts';

const POLL_MS = 20;

/** Warm-up, then the measured window. */
export async function window(job: { warmupMs: number; measureMs: number }, meter: Meter): Promise<void> {
  await sleep(job.warmupMs);
  meter.begin();
  await sleep(job.measureMs);
  meter.end();
}

export async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  for (const start = performance.now(); !condition() && performance.now() - start < timeoutMs;)
    await sleep(POLL_MS);
}
