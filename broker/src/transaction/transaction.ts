/** How a transaction can end. */
export type Outcome = 'commit' | 'rollback';

/** Where an open transaction is on its way; a decided one is told by its outcome. */
export type OpenState = 'prepared' | 'checking' | 'expired';

/** Who decided. */
export type DecidedBy = 'producer' | 'check' | 'operator';

/**
 * What a transaction is known by: the place where its half message was first stored, which is what its producer names it
 * by, for ever. Later copies of the record do not change it.
 */
export interface TransactionIdentity {
  /** Log position of the half message as it was first stored. */
  readonly physicalOffset: number;
  /** Its offset in the half topic. */
  readonly queueOffset: number;
  readonly uniqueKey: string;
  readonly producerGroup: string;
  /** The topic that the message is meant for. */
  readonly topic: string;
  /** Wall time, ms. */
  readonly storedAt: number;
}

/** A half message that waits for a decision. */
export interface OpenTransaction extends TransactionIdentity {
  /** Not asked about before it is this old, ms. Undefined: the broker's setting. */
  readonly immunityMs: number | undefined;
  readonly sizeBytes: number;
  /** Where the record is now: retention may have made a younger copy necessary. */
  copyOffset: number;
  /** How often its producer group was asked since it was stored or resumed. */
  checks: number;
  /** Wall time of the last question, ms; 0 before the first. */
  checkedAt: number;
  /** The producer said that it does not know, since it was stored or last asked. */
  isUndecided: boolean;
  /** Out of checks: an operator decides, or has it checked again. */
  isExpired: boolean;
}

export function stateOf({ isExpired, checkedAt }: OpenTransaction): OpenState {
  if (isExpired) return 'expired';
  return checkedAt === 0 ? 'prepared' : 'checking';
}
