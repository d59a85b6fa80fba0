import type { Draft } from './reference-message.ts';

/** Messages that are stored all or none. */
export interface Together {
  readonly size: number;
  readonly offsets: number[];
}

/** A half message and what its producer decided. `asked`: a commit was on its way when the broker died. */
export interface Transaction {
  readonly draft: Draft;
  readonly topic: string;
  readonly queueId: number;
  readonly group: string;
  readonly halfOffset: number;
  readonly physicalOffset: number;
  readonly storedAt: number;
  state: 'open' | 'asked' | 'commit' | 'rollback';
}

/** A message that must, or may, show up in a queue. */
export interface Expectation {
  readonly draft: Draft;
  readonly topic: string;
  readonly queueId: number;
  /** False: it may be there or not, because nobody was told. */
  must: boolean;
  /** The offset that its sender was told. */
  readonly at?: number;
  /** It is stored within this time. */
  readonly from: number;
  readonly by: number;
  /** Level of a delayed message: the messages of one level come in order. */
  readonly level?: number;
  readonly together?: Together;
  readonly transaction?: Transaction;
}
