import { requestFrame } from './request-frame.ts';

const CODE_POP_MESSAGE = 200_050;
const CODE_ACK_MESSAGE = 200_051;
const CODE_BATCH_ACK_MESSAGE = 200_151;
const INVISIBLE_MS = 60_000;

export interface PopPlace {
  readonly topic: string;
  readonly group: string;
  readonly brokerName: string;
}

/** Messages of one queue that one pop brought. */
export interface PoppedPart {
  readonly queueId: number;
  readonly startOffset: number;
  readonly offsets: readonly number[];
}

/** A POP_MESSAGE as the Java client 5.4.0 writes it, of all queues, from the oldest message on. */
export function popFrame(
  { topic, group, brokerName }: PopPlace,
  batch: number,
  pollMs: number,
  opaque: number,
): Buffer {
  return requestFrame(CODE_POP_MESSAGE, opaque, {
    pollTime: String(pollMs),
    invisibleTime: String(INVISIBLE_MS),
    queueId: '-1',
    bornTime: String(Date.now()),
    maxMsgNums: String(batch),
    bname: brokerName,
    topic,
    expType: 'TAG',
    exp: '*',
    consumerGroup: group,
    initMode: '0',
    order: 'false',
  });
}

/** Reads `startOffsetInfo` (`f queueId startOffset`, `;` between them) and `msgOffsetInfo` (`f queueId o1,o2,…`) of an answer. */
export function poppedParts(answer: Readonly<Record<string, string>>): PoppedPart[] {
  const starts = new Map<string, number>();
  for (const part of (answer['startOffsetInfo'] ?? '').split(';')) {
    const [kind = '', queueId = '', start] = part.split(' ');
    starts.set(`${kind} ${queueId}`, Number(start));
  }
  return (answer['msgOffsetInfo'] ?? '').split(';').map((part) => {
    const [kind = '', queueId = '', offsets = ''] = part.split(' ');
    const startOffset = starts.get(`${kind} ${queueId}`) ?? Number.NaN;
    return { queueId: Number(queueId), startOffset, offsets: offsets.split(',').map(Number) };
  });
}

export function ackFrame(
  { topic, group, brokerName }: PopPlace,
  answer: Readonly<Record<string, string>>,
  { queueId, startOffset }: PoppedPart,
  offset: number,
  opaque: number,
): Buffer {
  const { popTime = '', invisibleTime = '', reviveQid = '' } = answer;
  const handle = [startOffset, popTime, invisibleTime, reviveQid, 0, brokerName, queueId, offset].join(' ');
  return requestFrame(CODE_ACK_MESSAGE, opaque, {
    queueId: String(queueId),
    offset: String(offset),
    bname: brokerName,
    topic,
    consumerGroup: group,
    extraInfo: handle,
  });
}

/** One request for everything that a pop brought (Java: BatchAckMessageRequestBody). */
export function batchAckFrame(
  { topic, group, brokerName }: PopPlace,
  answer: Readonly<Record<string, string>>,
  parts: readonly PoppedPart[],
  opaque: number,
): Buffer {
  const acks = parts.map(({ queueId, startOffset, offsets }) => ({
    b: bitsOf(offsets.map((offset) => offset - startOffset)),
    c: group,
    it: Number(answer['invisibleTime']),
    pt: Number(answer['popTime']),
    q: queueId,
    r: '0',
    rq: Number(answer['reviveQid']),
    so: startOffset,
    t: topic,
  }));
  return requestFrame(CODE_BATCH_ACK_MESSAGE, opaque, {}, JSON.stringify({ acks, brokerName }));
}

/** Java: BitSet.toByteArray, in base64. */
function bitsOf(bits: readonly number[]): string {
  const bytes = Buffer.alloc((Math.max(...bits) >>> 3) + 1);
  for (const bit of bits) bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
  return bytes.toString('base64');
}
