import { checkAgreement } from './check-agreement.ts';
import { checkContiguity } from './check-contiguity.ts';
import { checkDuplicateAppend, checkDuplicateDelivery } from './check-duplicates.ts';
import { checkLookup } from './check-lookup.ts';
import { checkLost, checkPhantom } from './check-lost-phantom.ts';
import { checkOffsets } from './check-offsets.ts';
import { checkOrder } from './check-order.ts';
import type { TimingBounds } from './check-timing.ts';
import { checkTiming } from './check-timing.ts';
import { checkTopics } from './check-topics.ts';
import { checkTransactions } from './check-transactions.ts';
import type { HistoryEvent } from './history-event.ts';
import type { Violation } from './history-view.ts';
import { viewHistory } from './history-view.ts';

export interface HistoryRules {
  /** Observers that read everything from first to last after the faults were over. */
  readonly drains: readonly string[];
  readonly timing: TimingBounds;
  /** What was committed this shortly before a kill may be gone, ms. */
  readonly offsetFlushMs: number;
}

/** All checkers over one history, each linear in its length. */
export function checkHistory(events: readonly HistoryEvent[], rules: HistoryRules): Violation[] {
  const history = viewHistory(events, rules.drains);
  const checkers = [
    checkLost,
    checkPhantom,
    checkDuplicateAppend,
    checkDuplicateDelivery,
    checkOrder,
    checkAgreement,
    checkContiguity,
    checkTransactions,
    checkTiming(rules.timing),
    checkOffsets(rules.offsetFlushMs),
    checkLookup,
    checkTopics,
  ];
  return checkers.flatMap((check) => check(history));
}
