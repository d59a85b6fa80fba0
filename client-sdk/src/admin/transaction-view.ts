import { asArray, asInteger, asObject, asString } from '@cometmq/remoting/protocol/body/shape';

export type TransactionState = 'prepared' | 'checking' | 'expired' | 'committed' | 'rolledBack' | 'unknown';

/** Something that happened to a transaction after it was stored. */
export interface TransactionEvent {
  /** checked, answered, expired, resumed, repeated, refused, decided; a newer broker may know more. */
  readonly what: string;
  /** ms. */
  readonly at: number;
  /** Client or operator. */
  readonly who?: string;
  /** Of a question: the how-manieth it was. */
  readonly check?: number;
  readonly answer?: string;
  /** Of a decision, also of a refused one: commit, rollback. */
  readonly outcome?: string;
  /** Of a decision: producer, check, operator. */
  readonly by?: string;
  readonly reason?: string;
}

/** A transaction as its broker shows it. Times in ms. */
export interface TransactionInfo {
  /** The message's id, which its producer, checkers and consumers know. */
  readonly id: string;
  readonly state: TransactionState;
  readonly group: string;
  readonly topic: string;
  readonly broker: string;
  readonly halfOffset: number;
  readonly offsetMessageId: string;
  readonly storedAt: number;
  /** Of open ones. */
  readonly checks?: number;
  readonly checkMax?: number;
  readonly checkedAt?: number;
  readonly nextCheckAt?: number;
  readonly sizeBytes?: number;
  readonly decision?: TransactionEvent;
}

export interface TransactionTimeline extends TransactionInfo {
  readonly events: readonly TransactionEvent[];
}

const STATES: readonly string[] = ['prepared', 'checking', 'expired', 'committed', 'rolledBack'];

export function readTransaction(body: unknown, broker: string): TransactionTimeline {
  const members = asObject(body);
  const state = asString(members['state']);
  return {
    id: asString(members['id']),
    state: (STATES.includes(state) ? state : 'unknown') as TransactionState,
    group: asString(members['group']),
    topic: asString(members['topic']),
    broker,
    halfOffset: asInteger(members['halfOffset']),
    offsetMessageId: asString(members['offsetMessageId']),
    storedAt: asInteger(members['storedAt']),
    ...integers(members, ['checks', 'checkMax', 'checkedAt', 'nextCheckAt', 'sizeBytes']),
    ...(members['decision'] === undefined ? {} : { decision: readEvent(members['decision']) }),
    events: asArray(members['events'] ?? []).map(readEvent),
  };
}

function readEvent(value: unknown): TransactionEvent {
  const members = asObject(value);
  const texts = ['who', 'answer', 'outcome', 'by', 'reason'].flatMap((name) =>
    typeof members[name] === 'string' ? [[name, members[name]]] : [],
  );
  return {
    what: asString(members['what']),
    at: asInteger(members['at']),
    ...integers(members, ['check']),
    ...(Object.fromEntries(texts) as Partial<TransactionEvent>),
  };
}

function integers(
  members: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, number> {
  return Object.fromEntries(
    names.flatMap((name) => (members[name] === undefined ? [] : [[name, asInteger(members[name])]])),
  );
}
