/** What became of transactions since the broker started. */
export class TransactionStats {
  /** Half messages stored. */
  prepared = 0;
  /** Half messages sent again by a producer that had not seen the answer; not stored twice. */
  repeated = 0;
  committed = 0;
  rolledBack = 0;
  /** Decisions by an operator, of the two above. */
  decidedByOperator = 0;
  /** Questions to producers, and what they were answered. */
  checks = 0;
  checkedCommit = 0;
  checkedRollback = 0;
  checkedUnknown = 0;
  /** Questions that were due and had nobody to be put to. */
  checksNobody = 0;
  /** Out of checks. */
  expired = 0;
  /** Second decisions that contradicted the first. */
  contradictory = 0;
  /** Decisions that came after the message's own time for them. */
  late = 0;
}
