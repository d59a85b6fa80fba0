import type { LeaseName, PoppedMessages, PoppedPart } from '../../service/pop-types.ts';

/** Ordered messages have no queue of notes for clients (Java: KeyBuilder.POP_ORDER_REVIVE_QUEUE). */
const ORDER_REVIVE_QUEUE = 999;
const SEPARATOR = ' ';

/** The parts of a receipt handle that name a lease (Java: ExtraInfoUtil). */
export type HandleParts = Pick<LeaseName, 'startOffset' | 'popTime'>;

/** What clients tell the queue of notes. */
export function reviveIdOf(
  { reviveQueueId }: { readonly reviveQueueId: number },
  isOrdered: boolean,
): number {
  return isOrdered ? ORDER_REVIVE_QUEUE : reviveQueueId;
}

/** A message's receipt handle: `startOffset popTime invisibleTime reviveQid f brokerName queueId offset`. */
export function handleOf(
  popped: PoppedMessages,
  part: PoppedPart,
  offset: number,
  brokerName: string,
  isOrdered: boolean,
): string {
  const { popTime, invisibleMs } = popped;
  const reviveQueueId = reviveIdOf(popped, isOrdered);
  const members = [
    part.startOffset,
    popTime,
    invisibleMs,
    reviveQueueId,
    part.kind,
    brokerName,
    part.queueId,
    offset,
  ];
  return members.join(SEPARATOR);
}

/** Undefined for a text that is no handle of this place. */
export function readHandle(handle: string, queueId: number): HandleParts | undefined {
  const members = handle.split(SEPARATOR);
  if (members.length < 7) return undefined;
  const [startOffset, popTime, invisibleMs, reviveQueueId] = members.slice(0, 4).map(integer);
  if (startOffset === undefined || popTime === undefined) return undefined;
  if (invisibleMs === undefined || reviveQueueId === undefined) return undefined;
  return integer(members[6]) === queueId ? { startOffset, popTime } : undefined;
}

/** `f queueId startOffset` of each part. */
export function startOffsetInfo(parts: readonly PoppedPart[]): string {
  return parts.map(({ kind, queueId, startOffset }) => `${kind} ${queueId} ${startOffset}`).join(';');
}

/** `f queueId o1,o2,…` of each part. */
export function messageOffsetInfo(parts: readonly PoppedPart[]): string {
  return parts.map(({ kind, queueId, offsets }) => `${kind} ${queueId} ${offsets.join(',')}`).join(';');
}

/** `f qo<queueId>%<offset> count` of each message that was given out before. */
export function orderCountInfo(parts: readonly PoppedPart[]): string {
  return parts
    .flatMap(({ kind, queueId, offsets, attempts = [] }) =>
      offsets.flatMap((offset, index) => {
        const count = attempts[index] ?? 0;
        return count === 0 ? [] : `${kind} qo${queueId}%${offset} ${count}`;
      }),
    )
    .join(';');
}

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
