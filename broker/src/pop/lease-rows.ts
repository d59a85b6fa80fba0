import type { KeyValueChange, KeyValueStore } from '../store/kv/key-value-store.ts';
import type { LeaseTable, TableChanges } from './lease-table.ts';
import type { CheckPoint, LeasedQueue } from './leased-queue.ts';
import { decodeCheckPoint, encodeCheckPoint } from './notes.ts';
import type { QueueName } from './notes.ts';

const LEASE_PREFIX = 'pop-lease/';
const QUEUE_PREFIX = 'pop-queue/';
const APPLIED_KEY = 'pop-applied';
/** In no topic's nor group's name. */
const SEPARATOR = '@';

/**
 * The rows of the key-value store for what changed, and for how far the notes are in them. They are values of this
 * moment, to be written later.
 */
export function rowsOf(changes: TableChanges, applied: readonly number[]): KeyValueChange[] {
  const rows: KeyValueChange[] = [];
  for (const checkPoint of changes.gone) rows.push({ key: leaseKey(checkPoint), value: undefined });
  for (const queue of changes.goneQueues) rows.push({ key: queueKey(queue), value: undefined });
  for (const checkPoint of changes.checkPoints)
    rows.push({ key: leaseKey(checkPoint), value: leaseValue(checkPoint) });
  for (const queue of changes.queues) rows.push({ key: queueKey(queue), value: queueValue(queue) });
  rows.push({ key: APPLIED_KEY, value: JSON.stringify(applied) });
  return rows;
}

/** Fills a table from the rows; returns up to which offset of each queue of notes they hold everything. */
export async function loadRows(kv: KeyValueStore, table: LeaseTable): Promise<number[]> {
  for (const [key, value] of await kv.entries(QUEUE_PREFIX)) {
    const [position, ahead] = JSON.parse(value) as [number, number[]];
    const queue = table.ensure(readName(key.slice(QUEUE_PREFIX.length)), position);
    for (const offset of ahead) queue.ahead.add(offset);
  }
  for (const [key, value] of await kv.entries(LEASE_PREFIX)) {
    const [open, dueAt, ...row] = JSON.parse(value) as [number, number, ...unknown[]];
    const data = decodeCheckPoint(row);
    table.restored(
      table.ensure(readName(key.slice(LEASE_PREFIX.length)), data.startOffset),
      data,
      open,
      dueAt,
    );
  }
  table.takeChanges();
  const [applied] = await kv.entries(APPLIED_KEY);
  return applied === undefined ? [] : (JSON.parse(applied[1]) as number[]);
}

function nameText({ group, topic, queueId }: QueueName): string {
  return [group, topic, queueId].join(SEPARATOR);
}

function readName(text: string): QueueName {
  const [group = '', topic = '', queueId = ''] = text.split(SEPARATOR);
  return { group, topic, queueId: Number(queueId) };
}

function leaseKey({ queue, data }: CheckPoint): string {
  return [LEASE_PREFIX + nameText(queue), data.startOffset, data.popTime].join(SEPARATOR);
}

function leaseValue(checkPoint: CheckPoint): string {
  return JSON.stringify([checkPoint.open, checkPoint.dueAt, ...encodeCheckPoint(checkPoint.data)]);
}

function queueKey(queue: QueueName): string {
  return QUEUE_PREFIX + nameText(queue);
}

function queueValue(queue: LeasedQueue): string {
  return JSON.stringify([queue.position, [...queue.ahead]]);
}
