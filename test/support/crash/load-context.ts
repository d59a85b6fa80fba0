import { setTimeout as sleep } from 'node:timers/promises';
import type { RandomSource } from '@cometmq/common/random/random';
import type { HistoryRecorder } from '../history/history-recorder.ts';
import { BrokerCaller } from './broker-caller.ts';
import type { Gate } from './gate.ts';

/** Topics of the mixed load and their queues. */
export const LOAD_TOPICS = { plain: 4, batch: 2, tx: 2, delay: 2 } as const;
/** Begins the names of topics that are created on the way; they have one queue. */
export const MADE_TOPIC = 'made-';
export const CONSUMER_GROUP = 'crash-consumers';

export interface LoadContext {
  readonly history: HistoryRecorder;
  readonly gate: Gate;
  readonly random: RandomSource;
  /** Of the broker, the same after every start. */
  readonly address: string;
  /** Acknowledged ordinary messages, for those who look things up; the newest few. */
  readonly acknowledged: AcknowledgedMessage[];
}

export interface AcknowledgedMessage {
  readonly id: string;
  readonly topic: string;
  readonly queue: number;
  readonly phys: number;
  /** ms. */
  readonly t: number;
}

/** One client: does `work` in every epoch until its connection is lost or everything ends. */
export async function runClient(
  { gate, address }: LoadContext,
  work: (caller: BrokerCaller, isOn: () => boolean) => Promise<void>,
): Promise<void> {
  let epoch: number | undefined = 0;
  while ((epoch = await gate.enter(epoch)) !== undefined) {
    const current = epoch;
    const caller = new BrokerCaller(address);
    try {
      await work(caller, () => gate.isOpenFor(current) && !caller.isLost);
    } finally {
      await caller.close();
    }
  }
}

/** A pause, so that clients do not crowd out the broker on a small machine. */
export function pause({ random }: LoadContext, maxMs: number): Promise<void> {
  return sleep(1 + random.below(maxMs));
}
