import { MqError } from '@cometmq/common/error/mq-error';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { AppendRequest } from '../store/append-request.ts';
import { getInt32, getInt64, putInt32, putInt64 } from '../store/bytes.ts';
import { PropertyScan } from '../store/property-scan.ts';
import type { QueueTable } from '../store/queue/queue-table.ts';
import type { WaitingTimer } from './near-timers.ts';

/** A schedule: its id (queue offset in the timer topic) and the time it was due. */
export interface ScheduleRef {
  readonly id: number;
  readonly dueAt: number;
}

/** What changed, as it stands in the log. */
export type ScheduleNote =
  /** These were delivered, or given up because their topic is gone. */
  | { readonly kind: 'fired'; readonly refs: readonly ScheduleRef[] }
  | { readonly kind: 'cancelled'; readonly ref: ScheduleRef }
  | {
      readonly kind: 'moved';
      readonly ref: ScheduleRef;
      readonly to: WaitingTimer;
      /** The time it was sent with. */
      readonly sentDueAt: number;
    }
  /** The queue of a delay level was delivered up to here. */
  | { readonly kind: 'level'; readonly level: number; readonly offset: number }
  /** A recurring schedule has sent the message of this time. */
  | { readonly kind: 'slot'; readonly schedule: number; readonly slot: number };

const KINDS = ['fired', 'cancelled', 'moved', 'level', 'slot'] as const;
const REF_SIZE = 16;
const OP_TOPIC_BYTES = Buffer.from(SystemTopic.WHEEL_TIMER_OP);
const OP_QUEUE_ID = 0;

/** The body of a note: its kind, then pairs of numbers. */
export function encodeNote(note: ScheduleNote): Buffer {
  const pairs = pairsOf(note);
  const bytes = Buffer.alloc(4 + pairs.length * REF_SIZE);
  putInt32(bytes, 0, KINDS.indexOf(note.kind));
  for (const [index, [first, second]] of pairs.entries()) {
    putInt64(bytes, 4 + index * REF_SIZE, first);
    putInt64(bytes, 12 + index * REF_SIZE, second);
  }
  return bytes;
}

function pairsOf(note: ScheduleNote): [number, number][] {
  switch (note.kind) {
    case 'fired':
      return note.refs.map(({ id, dueAt }) => [id, dueAt]);
    case 'cancelled':
      return [[note.ref.id, note.ref.dueAt]];
    case 'moved':
      return [
        [note.ref.id, note.ref.dueAt],
        [note.to.id, note.to.dueAt],
        [note.to.physicalOffset, note.to.size],
        [note.sentDueAt, 0],
      ];
    case 'level':
      return [[note.level, note.offset]];
    case 'slot':
      return [[note.schedule, note.slot]];
  }
}

/** @throws MqError `DATA_DAMAGED` for bytes that are no note. */
export function decodeNote(bytes: Buffer): ScheduleNote {
  const kind = bytes.length < 4 + REF_SIZE ? undefined : KINDS[getInt32(bytes, 0)];
  const pairs = Array.from({ length: Math.floor((bytes.length - 4) / REF_SIZE) }, (_, index) => ({
    id: getInt64(bytes, 4 + index * REF_SIZE),
    dueAt: getInt64(bytes, 12 + index * REF_SIZE),
  }));
  const [first, second, place, sent] = pairs;
  if (kind === undefined || first === undefined) {
    throw new MqError(
      'DATA_DAMAGED',
      `a message of ${SystemTopic.WHEEL_TIMER_OP} is not a note on schedules`,
    );
  }
  switch (kind) {
    case 'fired':
      return { kind, refs: pairs };
    case 'cancelled':
      return { kind, ref: first };
    case 'moved':
      if (second === undefined || place === undefined || sent === undefined) throw damaged();
      return {
        kind,
        ref: first,
        to: { ...second, physicalOffset: place.id, size: place.dueAt },
        sentDueAt: sent.id,
      };
    case 'level':
      return { kind, level: first.id, offset: first.dueAt };
    case 'slot':
      return { kind, schedule: first.id, slot: first.dueAt };
  }
}

function damaged(): MqError {
  return new MqError('DATA_DAMAGED', `a message of ${SystemTopic.WHEEL_TIMER_OP} is not a note on schedules`);
}

export interface NoteOrigin {
  readonly queues: QueueTable;
  /** ms. */
  readonly now: number;
  /** Makes the note be found by this key (a cancelled message's unique key). */
  readonly uniqueKey?: string;
}

/** The request that stores a note. */
export function noteRequest(note: ScheduleNote, origin: NoteOrigin): AppendRequest {
  const body = encodeNote(note);
  const properties = Buffer.from(
    encodeProperties(
      origin.uniqueKey === undefined ? new Map() : new Map([[Property.UNIQ_KEY, origin.uniqueKey]]),
    ),
  );
  const propertyScan = new PropertyScan();
  propertyScan.scan(properties, 0, properties.length);
  return {
    queue: origin.queues.get(SystemTopic.WHEEL_TIMER_OP, OP_QUEUE_ID),
    topic: OP_TOPIC_BYTES,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: origin.now,
    bornHost: BORN_HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
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

/** Notes are born here, in an IPv4 address whatever the store's is. */
const BORN_HOST = Buffer.alloc(8);
