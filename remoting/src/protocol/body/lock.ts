import type { MessageQueue } from './message-queue.ts';
import { readMessageQueue } from './message-queue.ts';
import { asArray, asObject, asString } from './shape.ts';

/** Body of LOCK_BATCH_MQ and UNLOCK_BATCH_MQ. */
export interface LockRequest {
  readonly clientId: string;
  readonly consumerGroup: string;
  readonly mqSet: readonly MessageQueue[];
}

export function readLockRequest(value: unknown): LockRequest {
  const members = asObject(value);
  return {
    clientId: asString(members['clientId']),
    consumerGroup: asString(members['consumerGroup']),
    mqSet: asArray(members['mqSet']).map(readMessageQueue),
  };
}
