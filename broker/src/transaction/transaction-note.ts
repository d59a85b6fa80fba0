import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { AppendRequest } from '../store/append-request.ts';
import { PropertyScan } from '../store/property-scan.ts';
import type { QueueTable } from '../store/queue/queue-table.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { StoredRecord } from '../store/stored-record.ts';
import type { DecidedBy, Outcome, TransactionIdentity } from './transaction.ts';

/** What happened to a transaction after it was stored; `at` is wall time in ms, `who` a client or an operator. */
export type TransactionEvent =
  | { readonly what: 'checked'; readonly at: number; readonly who: string; readonly check: number }
  /** The producer does not know yet. */
  | { readonly what: 'answered'; readonly at: number; readonly who: string; readonly answer: 'unknown' }
  | { readonly what: 'expired'; readonly at: number; readonly checks: number }
  | { readonly what: 'resumed'; readonly at: number; readonly who: string; readonly reason: string }
  /** The producer sent it again, because it had not seen the answer. */
  | { readonly what: 'repeated'; readonly at: number; readonly who: string }
  /** A decision that was not carried out. */
  | {
      readonly what: 'refused';
      readonly at: number;
      readonly who: string;
      readonly outcome: Outcome;
      readonly reason: string;
    }
  /** Its half message was stored again; with what had happened before that op-topic offset, whose notes will expire. */
  | {
      readonly what: 'carried';
      readonly at: number;
      readonly upTo: number;
      readonly events: readonly TransactionEvent[];
    }
  | DecidedEvent;

export interface DecidedEvent {
  readonly what: 'decided';
  readonly at: number;
  readonly outcome: Outcome;
  readonly by: DecidedBy;
  readonly who: string;
  readonly reason?: string;
}

/** A message of the op topic: one event of one transaction, with enough of the transaction to show it by. */
export interface TransactionNote {
  /** Log position and half-topic offset that the transaction is known by. */
  readonly place: number;
  readonly half: number;
  readonly id: string;
  readonly group: string;
  readonly topic: string;
  readonly storedAt: number;
  readonly event: TransactionEvent;
}

const OP_TOPIC_BYTES = Buffer.from(SystemTopic.TRANS_OP_HALF);
const OP_QUEUE_ID = 0;
/** Letters of a text from outside that a note keeps. */
const TEXT_MAX = 512;

export function opQueue(queues: QueueTable): StoreQueue {
  return queues.get(SystemTopic.TRANS_OP_HALF, OP_QUEUE_ID);
}

export function noteOf(identity: TransactionIdentity, event: TransactionEvent): TransactionNote {
  const { physicalOffset: place, queueOffset: half, uniqueKey: id, producerGroup: group, topic } = identity;
  return { place, half, id, group, topic, storedAt: identity.storedAt, event };
}

export function identityOf({
  place,
  half,
  id,
  group,
  topic,
  storedAt,
}: TransactionNote): TransactionIdentity {
  return { physicalOffset: place, queueOffset: half, uniqueKey: id, producerGroup: group, topic, storedAt };
}

/** The request that stores a note. The transaction's unique key is also the note's, so that the index finds it. */
export function noteRequest(note: TransactionNote, queues: QueueTable, host: Uint8Array): AppendRequest {
  const body = Buffer.from(JSON.stringify(note));
  const properties = Buffer.from(encodeProperties(new Map([[Property.UNIQ_KEY, note.id]])));
  const propertyScan = new PropertyScan();
  propertyScan.scan(properties, 0, properties.length);
  return {
    queue: opQueue(queues),
    topic: OP_TOPIC_BYTES,
    flag: 0,
    sysFlag: host.length > 8 ? SysFlag.BORN_HOST_V6 | SysFlag.STORE_HOST_V6 : 0,
    bornTimestamp: note.event.at,
    bornHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: note.place,
    body,
    bodyStart: 0,
    bodyEnd: body.length,
    properties,
    propertiesStart: 0,
    propertiesEnd: properties.length,
    propertyScan,
    tagsCode: undefined,
  };
}

/** Undefined for a message of the op topic that is no note of ours. */
export function readNote({ bytes, layout }: StoredRecord): TransactionNote | undefined {
  try {
    const text = bytes.toString('utf8', layout.bodyAt, layout.bodyAt + layout.bodySize);
    const note = JSON.parse(text) as Partial<TransactionNote> | null;
    return typeof note?.place === 'number' && typeof note.event?.what === 'string'
      ? (note as TransactionNote)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Text of a client or an operator, as long as a note keeps it. */
export function clipped(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`;
}
