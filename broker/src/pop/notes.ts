import { MqError } from '@cometmq/common/error/mq-error';
import type { CheckPointData } from './check-point-data.ts';
import { CHECK_POINT_MESSAGES_MAX } from './check-point-data.ts';

/** A queue as a group consumes it. */
export interface QueueName {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
}

/** Messages were handed out. */
export interface PoppedNote extends QueueName {
  readonly checkPoint: CheckPointData;
}

/** Leases of one check point ended: acknowledged, or copied for a retry. */
export interface SettledNote extends QueueName {
  readonly startOffset: number;
  readonly popTime: number;
  /** The leases' bits. */
  readonly bits: number;
}

/** One lease was replaced by another one. An ordered one keeps its pop time. */
export interface ExtendedNote extends SettledNote {
  readonly offset: number;
  readonly newPopTime: number;
  readonly invisibleMs: number;
}

/** A group goes on somewhere else. */
export interface MovedNote extends QueueName {
  readonly position: number;
}

/** What one message of the notes' topic tells. */
export interface Notes {
  readonly popped?: readonly PoppedNote[];
  readonly settled?: readonly SettledNote[];
  readonly extended?: readonly ExtendedNote[];
  readonly moved?: readonly MovedNote[];
  /** Queues that were deleted, or whose group was. */
  readonly forgotten?: readonly QueueName[];
}

/** Bytes of a check point, acknowledgement and so on in a note, for how many go into one. */
export const NOTE_ITEMS_MAX = 256;

/** The body of a note: arrays in JSON, which is short and read by people. */
export function encodeNotes(notes: Notes): Buffer {
  const body: Record<string, unknown> = {};
  if (notes.popped)
    body['pop'] = notes.popped.map((note) => [...nameOf(note), ...encodeCheckPoint(note.checkPoint)]);
  if (notes.settled) body['end'] = notes.settled.map(settledOf);
  if (notes.extended) {
    body['ext'] = notes.extended.map((note) => [
      ...settledOf(note),
      note.offset,
      note.newPopTime,
      note.invisibleMs,
    ]);
  }
  if (notes.moved) body['mov'] = notes.moved.map((note) => [...nameOf(note), note.position]);
  if (notes.forgotten) body['del'] = notes.forgotten.map(nameOf);
  return Buffer.from(JSON.stringify(body));
}

/** @throws MqError `DATA_DAMAGED` for a body that no broker wrote. */
export function decodeNotes(body: string): Notes {
  const { pop, end, ext, mov, del } = parse(body);
  return {
    popped: rows(pop).map((row) => ({ ...readName(row), checkPoint: decodeCheckPoint(row.slice(3)) })),
    settled: rows(end).map(readSettled),
    extended: rows(ext).map((row) => ({
      ...readSettled(row),
      offset: integer(row[6]),
      newPopTime: integer(row[7]),
      invisibleMs: integer(row[8]),
    })),
    moved: rows(mov).map((row) => ({ ...readName(row), position: integer(row[3]) })),
    forgotten: rows(del).map(readName),
  };
}

/** A check point as members of an array; offsets without holes are told by their number. */
export function encodeCheckPoint(data: CheckPointData): unknown[] {
  const { startOffset, popTime, invisibleMs, offsets, nextOffset, order } = data;
  const isWhole = offsets[0] === startOffset && offsets.at(-1) === startOffset + offsets.length - 1;
  const places = isWhole ? offsets.length : offsets.map((offset) => offset - startOffset);
  const row: unknown[] = [startOffset, popTime, invisibleMs, places, nextOffset];
  if (order !== undefined) row.push(order.attemptId, order.attempts);
  return row;
}

/** @throws MqError `DATA_DAMAGED`. */
export function decodeCheckPoint(row: readonly unknown[]): CheckPointData {
  const startOffset = integer(row[0]);
  const places = row[3];
  const offsets = Array.isArray(places)
    ? places.map((place) => startOffset + integer(place))
    : Array.from(
        { length: Math.min(integer(places), CHECK_POINT_MESSAGES_MAX) },
        (_, index) => startOffset + index,
      );
  if (offsets.length === 0 || offsets.length > CHECK_POINT_MESSAGES_MAX) throw damaged();
  const order =
    row[5] === undefined ? undefined : { attemptId: text(row[5]), attempts: list(row[6]).map(integer) };
  return {
    startOffset,
    popTime: integer(row[1]),
    invisibleMs: integer(row[2]),
    offsets,
    nextOffset: integer(row[4]),
    order,
  };
}

function nameOf({ group, topic, queueId }: QueueName): unknown[] {
  return [group, topic, queueId];
}

function settledOf(note: SettledNote): unknown[] {
  return [...nameOf(note), note.startOffset, note.popTime, note.bits];
}

function readName(row: readonly unknown[]): QueueName {
  return { group: text(row[0]), topic: text(row[1]), queueId: integer(row[2]) };
}

function readSettled(row: readonly unknown[]): SettledNote {
  return { ...readName(row), startOffset: integer(row[3]), popTime: integer(row[4]), bits: integer(row[5]) };
}

function parse(body: string): Record<string, unknown> {
  try {
    const value = JSON.parse(body) as unknown;
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw damaged();
}

function rows(value: unknown): readonly (readonly unknown[])[] {
  return value === undefined ? [] : list(value).map(list);
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged();
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw damaged();
  return value;
}

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw damaged();
  return value as number;
}

function damaged(): MqError {
  return new MqError('DATA_DAMAGED', 'a note about leases can not be read');
}
