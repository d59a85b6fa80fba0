// Those who look things up and those who change settings, while the broker is killed.
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { Perm } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import { QueryMessageHeader, ViewMessageHeader } from '@cometmq/remoting/protocol/header/message';
import {
  OffsetResponseHeader,
  QueueHeader,
  SearchOffsetHeader,
} from '@cometmq/remoting/protocol/header/offset';
import { CreateTopicHeader } from '@cometmq/remoting/protocol/header/topic';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { BrokerCaller } from './broker-caller.ts';
import type { AcknowledgedMessage, LoadContext } from './load-context.ts';
import { MADE_TOPIC, pause, runClient } from './load-context.ts';
import { idOf, keyOf } from './load-messages.ts';
import { sendOne } from './load-producers.ts';

/** Looks acknowledged messages up by key, by place and by time, and asks how far queues reach. */
export function runLookups(context: LoadContext, proc: string): Promise<void> {
  const { acknowledged, random } = context;
  return runClient(context, async (caller, isOn) => {
    while (isOn()) {
      const message = acknowledged[random.below(acknowledged.length)];
      if (message !== undefined) {
        await lookByKey(context, caller, proc, message);
        await lookByPlace(context, caller, proc, message);
        await lookByTime(context, caller, proc, message);
        await lookAtEnd(context, caller, proc, message);
      }
      await pause(context, 10);
    }
  });
}

async function lookByKey(
  { history }: LoadContext,
  caller: BrokerCaller,
  proc: string,
  { id, topic }: AcknowledgedMessage,
): Promise<void> {
  const key = keyOf(id);
  history.add({ proc, op: 'lookup', phase: 'invoke', key });
  const times = { beginTimestamp: 0, endTimestamp: Number.MAX_SAFE_INTEGER };
  const extFields = QueryMessageHeader.encode({ topic, key, maxNum: 32, ...times });
  const answer = await caller.ask({ code: RequestCode.QUERY_MESSAGE, extFields });
  if (answer === undefined) return;
  const found = answer.code === ResponseCode.SUCCESS ? decodeMessages(answer.body ?? Buffer.alloc(0)) : [];
  history.add({ proc, op: 'lookup', phase: 'ok', topic, key, ids: found.map(idOf) });
}

async function lookByPlace(
  { history }: LoadContext,
  caller: BrokerCaller,
  proc: string,
  { id, topic, phys }: AcknowledgedMessage,
): Promise<void> {
  history.add({ proc, op: 'lookup', phase: 'invoke', phys });
  const extFields = ViewMessageHeader.encode({ offset: phys });
  const answer = await caller.ask({ code: RequestCode.VIEW_MESSAGE_BY_ID, extFields });
  if (answer === undefined) return;
  const found = answer.code === ResponseCode.SUCCESS ? decodeMessages(answer.body ?? Buffer.alloc(0)) : [];
  history.add({ proc, op: 'lookup', phase: 'ok', topic, phys, id, ids: found.map(idOf) });
}

async function lookByTime(
  { history }: LoadContext,
  caller: BrokerCaller,
  proc: string,
  { topic, queue, t }: AcknowledgedMessage,
): Promise<void> {
  history.add({ proc, op: 'lookup', phase: 'invoke', topic, queue });
  const extFields = SearchOffsetHeader.encode({ topic, queueId: queue, timestamp: t });
  const answer = await caller.ask({ code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, extFields });
  if (answer?.code !== ResponseCode.SUCCESS) return;
  const { offset } = OffsetResponseHeader.decode(answer.extFields);
  history.add({ proc, op: 'lookup', phase: 'ok', topic, queue, stored: t, qoff: offset });
}

async function lookAtEnd(
  { history }: LoadContext,
  caller: BrokerCaller,
  proc: string,
  { topic, queue }: AcknowledgedMessage,
): Promise<void> {
  const extFields = QueueHeader.encode({ topic, queueId: queue });
  const answer = await caller.ask({ code: RequestCode.GET_MAX_OFFSET, extFields });
  if (answer?.code !== ResponseCode.SUCCESS) return;
  const { offset: max } = OffsetResponseHeader.decode(answer.extFields);
  history.add({ proc, op: 'range', phase: 'ok', topic, queue, min: 0, max });
}

/** Creates topics, and sends a message to each, which makes the files of a new queue. */
export function runTopicCreator(context: LoadContext, proc: string): Promise<void> {
  const { history } = context;
  let seq = 0;
  return runClient(context, async (caller, isOn) => {
    while (isOn()) {
      const topic = `${MADE_TOPIC}${seq}`;
      history.add({ proc, op: 'create', phase: 'invoke', topic });
      const answer = await createTopic(caller, topic, 1);
      const isDone = answer?.code === ResponseCode.SUCCESS;
      history.add({ proc, op: 'create', phase: isDone ? 'ok' : 'info', topic });
      if (isDone)
        await sendOne(context, caller, proc, { id: `${proc}.${seq}`, topic, queue: 0, sizeBytes: 40 });
      seq++;
      await pause(context, 150);
    }
  });
}

export function createTopic(
  caller: BrokerCaller,
  topic: string,
  queues: number,
): Promise<RemotingCommand | undefined> {
  const extFields = CreateTopicHeader.encode({
    topic,
    defaultTopic: SystemTopic.AUTO_CREATE,
    readQueueNums: queues,
    writeQueueNums: queues,
    perm: Perm.READ_WRITE,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
  });
  return caller.ask({ code: RequestCode.UPDATE_AND_CREATE_TOPIC, extFields });
}
