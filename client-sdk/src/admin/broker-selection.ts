import { MqError } from '@cometmq/common/error/mq-error';
import type { AdminSession, BrokerNode } from './admin-session.ts';
import type { Merged, ServerFailure } from './partial.ts';

/** Which brokers a change is for: those of a cluster, named ones, or all. */
export interface BrokerSelection {
  readonly cluster?: string;
  /** Broker names or addresses. */
  readonly brokers?: readonly string[];
}

/** What happened on each server of a change. */
export interface ChangeResult extends Merged {
  /** Servers that took the change. */
  readonly done: readonly string[];
}

/** The masters that a change is for. */
export async function selectBrokers(
  session: AdminSession,
  selection: BrokerSelection,
): Promise<BrokerNode[]> {
  const { brokers, cluster } = selection;
  if (brokers !== undefined && brokers.length > 0)
    return Promise.all(brokers.map((name) => session.broker(name)));
  const masters = await session.masters(cluster);
  if (masters.length > 0) return masters;
  throw new MqError('NOT_FOUND', 'no broker is registered at the name servers', {
    hint: 'start a broker with these name servers, or wait for its registration',
  });
}

export function changeResult(done: readonly string[], failures: readonly ServerFailure[]): ChangeResult {
  return { done, failures, complete: failures.length === 0 };
}
