import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { SendMessageResponseHeader } from '@cometmq/remoting/protocol/header/send';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import type { HistoryEvent } from '../history/history-event.ts';
import { phaseOfAnswer } from '../history/history-recorder.ts';
import type { BrokerCaller } from './broker-caller.ts';
import type { LoadContext } from './load-context.ts';
import { LOAD_TOPICS, pause, runClient } from './load-context.ts';
import type { LoadMessage } from './load-messages.ts';
import { batchRequest, bodyHash, bodyOf, keyOf, sendRequest } from './load-messages.ts';

const BURST = 6;
const BATCH = 6;
/** What delay level 1 means. */
const DELAY_MS = 1_000;
const ACKNOWLEDGED_MAX = 256;

/** Sends one message and notes how that ended; the answer when it was acknowledged. */
export async function sendOne(
  context: LoadContext,
  caller: BrokerCaller,
  proc: string,
  message: LoadMessage,
  more: Partial<HistoryEvent> = {},
): Promise<HistoryEvent | undefined> {
  const body = bodyOf(message);
  noteInvoke(context, proc, message, body, more);
  const answer = await caller.ask(sendRequest(message, body));
  return noteEnd(context, proc, message.id, answer);
}

/** A producer that pipelines bursts of ordinary messages, in order for each queue. */
export function runPlainProducer(context: LoadContext, proc: string, kind?: 'hasty'): Promise<void> {
  let seq = 0;
  return runClient(context, async (caller, isOn) => {
    while (isOn()) {
      const burst = Array.from({ length: BURST }, async () => {
        const message = { ...next(context, proc, 'plain', seq++), ...(kind === undefined ? {} : { kind }) };
        const order = `${proc}/${message.queue}`;
        const ok = await sendOne(context, caller, proc, message, {
          order,
          seq,
          ...(kind === 'hasty' ? { unsynced: true } : {}),
        });
        if (ok !== undefined && kind === undefined) remember(context, message, ok);
      });
      await Promise.all(burst);
      await pause(context, 20);
    }
  });
}

export function runBatchProducer(context: LoadContext, proc: string): Promise<void> {
  let seq = 0;
  return runClient(context, async (caller, isOn) => {
    while (isOn()) {
      const queue = seq % LOAD_TOPICS.batch;
      const messages = Array.from({ length: BATCH }, () => ({
        ...next(context, proc, 'batch', seq++),
        queue,
      }));
      const batch = `${proc}#${seq}`;
      for (const message of messages) noteInvoke(context, proc, message, bodyOf(message), { batch });
      const answer = await caller.ask(batchRequest(messages));
      messages.forEach(({ id }, index) => noteEnd(context, proc, id, answer, index));
      await pause(context, 12);
    }
  });
}

export function runDelayProducer(context: LoadContext, proc: string): Promise<void> {
  let seq = 0;
  return runClient(context, async (caller, isOn) => {
    while (isOn()) {
      const message = { ...next(context, proc, 'delay', seq++), kind: 'delayed' as const };
      await sendOne(context, caller, proc, message, { due: Date.now() + DELAY_MS });
      await pause(context, 12);
    }
  });
}

export function next(
  context: LoadContext,
  proc: string,
  topic: keyof typeof LOAD_TOPICS,
  seq: number,
): LoadMessage {
  const sizeBytes = context.random.below(8) === 0 ? 3_000 : 40 + context.random.below(500);
  return { id: `${proc}.${seq}`, topic, queue: seq % LOAD_TOPICS[topic], sizeBytes };
}

function noteInvoke(
  { history }: LoadContext,
  proc: string,
  { id, topic }: LoadMessage,
  body: Buffer,
  more: Partial<HistoryEvent>,
): void {
  history.add({
    proc,
    op: 'send',
    phase: 'invoke',
    id,
    topic,
    key: keyOf(id),
    body: bodyHash(body),
    ...more,
  });
}

function noteEnd(
  { history }: LoadContext,
  proc: string,
  id: string,
  answer: RemotingCommand | undefined,
  member = 0,
): HistoryEvent | undefined {
  if (answer === undefined) {
    history.add({ proc, op: 'send', phase: 'info', id, note: 'no answer' });
    return undefined;
  }
  const phase = phaseOfAnswer(answer.code);
  if (phase !== 'ok') {
    history.add({ proc, op: 'send', phase, id, note: `${answer.code} ${answer.remark ?? ''}` });
    return undefined;
  }
  const { msgId, queueId: queue, queueOffset } = SendMessageResponseHeader.decode(answer.extFields);
  const phys = decodeOffsetMessageId(msgId.split(',')[member] ?? '')?.physicalOffset;
  if (phys === undefined) throw new Error(`an answer without a place: ${msgId}`);
  history.add({ proc, op: 'send', phase, id, queue, qoff: queueOffset + member, phys });
  return history.events.at(-1);
}

function remember({ acknowledged }: LoadContext, { id, topic }: LoadMessage, ok: HistoryEvent): void {
  acknowledged.push({ id, topic, queue: ok.queue ?? 0, phys: ok.phys ?? 0, t: ok.t });
  if (acknowledged.length > ACKNOWLEDGED_MAX) acknowledged.shift();
}
