/**
 * What happened, as the clients of a broker saw it: one JSON line each, in order of time. An operation begins with
 * `invoke` and ends with `ok`, `fail` (the broker proved that nothing was stored) or `info` (nobody knows: time-out,
 * lost connection, stored with a weaker promise). Observations have no beginning: they are `ok`.
 */
export type HistoryOperation =
  /** A message is sent; of `tx` 'half' it is a half message. Members of a batch are sends with the same `batch`. */
  | 'send'
  /** The decision `tx` of half message `id`. */
  | 'end'
  /** A message was seen at a place by an observer (`proc`), for a group or for nobody. */
  | 'deliver'
  /** A group's offset is set, or read. */
  | 'commit'
  | 'committed'
  /** First and next offset of a queue. */
  | 'range'
  /** Messages found by `key`, place or time; `ids` are what was found. */
  | 'lookup'
  /** A topic is created, or seen. */
  | 'create'
  | 'exists'
  /** A group returns a message: a copy comes into `topic`, that of its retries or of its dead letters. */
  | 'back'
  /** The broker is killed, and serves again. */
  | 'kill'
  | 'start';

export type HistoryPhase = 'invoke' | 'ok' | 'fail' | 'info';

export interface HistoryEvent {
  /** ms, the clock that the broker stamps messages with. */
  readonly t: number;
  readonly proc: string;
  readonly op: HistoryOperation;
  readonly phase: HistoryPhase;
  readonly topic?: string;
  readonly queue?: number;
  /** Offset in the queue; for `commit` and `committed` the group's. */
  readonly qoff?: number;
  /** Position in the log. */
  readonly phys?: number;
  /** Names a message in this history. */
  readonly id?: string;
  /** Messages with the same `order` must lie in one queue in the order of `seq`. */
  readonly order?: string;
  readonly seq?: number;
  readonly key?: string;
  /** Short hash of the body. */
  readonly body?: string;
  readonly batch?: string;
  /** Acknowledged before it is synced: readable, and certain, only later. */
  readonly unsynced?: boolean;
  readonly tx?: 'half' | 'commit' | 'rollback';
  /** Not to be delivered before, ms. */
  readonly due?: number;
  /** When the broker stored what was delivered, ms. */
  readonly stored?: number;
  readonly group?: string;
  readonly min?: number;
  readonly max?: number;
  readonly ids?: readonly string[];
  /** What else a reader of the history wants to know: why something failed, where a process was killed. */
  readonly note?: string;
}

/** The place of a message, for tables. */
export function placeOf({ topic = '', queue = -1, qoff = -1 }: HistoryEvent): string {
  return `${topic}/${queue}@${qoff}`;
}

export function queueOf({ topic = '', queue = -1 }: HistoryEvent): string {
  return `${topic}/${queue}`;
}
