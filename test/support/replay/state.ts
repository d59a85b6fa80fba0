// What must have been there before a recorded conversation began, told from the conversation's own answers.
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import type { StoredMessage } from '@cometmq/common/message/message';
import { readTopicRoute } from '@cometmq/remoting/protocol/body/route';
import { asInteger, asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import type { Exchange, GoldenFrame } from '../golden.ts';
import { bodyOf } from '../golden.ts';
import { isScenarioTopic } from './names.ts';

export interface TopicState {
  readonly topic: string;
  readonly queues: number;
  readonly perm: number;
}

/** Key of a message's place: topic, queue, queue offset. */
export type Place = string;

export interface ReplayState {
  readonly topics: readonly TopicState[];
  readonly groups: readonly string[];
  /** Messages that were there, by `topic/queue`: how many. */
  readonly stored: ReadonlyMap<string, number>;
  /** Those of them that the conversation shows. */
  readonly shown: ReadonlyMap<Place, StoredMessage>;
  readonly offsets: readonly { group: string; topic: string; queueId: string; offset: string }[];
  readonly kvConfig: readonly { namespace: string; key: string; value: string }[];
  /** Recorded physical offset of each message that an answer names, with its place. */
  readonly places: ReadonlyMap<number, Place>;
}

export const SEND_CODES: ReadonlySet<number> = new Set([10, 310, 320]);
export const PULL_CODES: ReadonlySet<number> = new Set([11, 361]);
const RECORD_CODES: ReadonlySet<number> = new Set([11, 361, 12, 33]);
const GROUP_CODES: ReadonlySet<number> = new Set([11, 361, 14, 15, 36, 208, 222]);

export function placeOf(topic: string, queueId: number | string, queueOffset: number | string): Place {
  return `${topic}/${queueId}/${queueOffset}`;
}

export function fieldOf(frame: GoldenFrame | undefined, ...names: string[]): string | undefined {
  for (const name of names) {
    const value = frame?.header.extFields?.[name];
    if (value !== undefined) return String(value);
  }
  return undefined;
}

/** Messages in an answer's body. */
export function messagesIn({ request, response }: Exchange): StoredMessage[] {
  const body = response && bodyOf(response);
  if (body === undefined || response?.code !== 0 || !RECORD_CODES.has(request.code)) return [];
  return decodeMessages(body);
}

/** Messages that go somewhere else first: delayed, timed, transactional. */
function isDiverted(request: GoldenFrame): boolean {
  return /(?:^|\u0002)(?:DELAY|TIMER_\w+|TRAN_MSG)\u0001/.test(fieldOf(request, 'i', 'properties') ?? '');
}

export function inferState(exchanges: readonly Exchange[]): ReplayState {
  const { shown, places } = shownMessages(exchanges);
  return {
    topics: inferTopics(exchanges),
    groups: inferGroups(exchanges),
    stored: inferStored(exchanges, shown, ownMessages(exchanges)),
    shown,
    offsets: inferOffsets(exchanges),
    kvConfig: inferKvConfig(exchanges),
    places,
  };
}

function inferTopics(exchanges: readonly Exchange[]): TopicState[] {
  const topics = new Map<string, TopicState | undefined>();
  for (const { request, response } of exchanges) {
    const topic = fieldOf(request, 'topic', 'b') ?? topicOfBody(request);
    if (topic === undefined || topics.has(topic) || response === undefined || !isScenarioTopic(topic))
      continue;
    if (request.code === 105)
      topics.set(topic, response.code === 0 ? routedTopic(topic, response) : undefined);
    else if (request.peer === 'broker') {
      const absent = response.code === 17 || request.code === 17;
      topics.set(topic, absent ? undefined : mentionedTopic(topic, response, exchanges));
    }
  }
  return [...topics.values()].filter((topic) => topic !== undefined);
}

/** SET_MESSAGE_REQUEST_MODE names its topic in the body. */
function topicOfBody(request: GoldenFrame): string | undefined {
  if (request.code !== 401) return undefined;
  return asString(asObject(parseBody(bodyOf(request)))['topic']);
}

function routedTopic(topic: string, response: GoldenFrame): TopicState {
  const { queueDatas } = readTopicRoute(parseBody(bodyOf(response)));
  return { topic, queues: queueDatas[0]?.writeQueueNums ?? 1, perm: queueDatas[0]?.perm ?? 6 };
}

function mentionedTopic(topic: string, response: GoldenFrame, exchanges: readonly Exchange[]): TopicState {
  const queueIds = exchanges
    .filter(({ request, response: answer }) => fieldOf(request, 'topic', 'b') === topic && answer?.code === 0)
    .map(({ request }) => Number(fieldOf(request, 'queueId', 'e') ?? 0));
  const perm = response.header.remark?.includes('pulling message is forbidden') === true ? 2 : 6;
  return { topic, queues: Math.max(1, ...queueIds) + 1, perm };
}

function inferGroups(exchanges: readonly Exchange[]): string[] {
  const groups = new Map<string, boolean>();
  for (const { request, response } of exchanges) {
    const group = fieldOf(request, 'consumerGroup', 'group');
    if (group === undefined || response === undefined || groups.has(group)) continue;
    if (GROUP_CODES.has(request.code)) groups.set(group, response.code !== 26 && response.code !== 22);
  }
  return [...groups].filter(([, exists]) => exists).map(([group]) => group);
}

function shownMessages(exchanges: readonly Exchange[]): {
  shown: Map<Place, StoredMessage>;
  places: Map<number, Place>;
} {
  const shown = new Map<Place, StoredMessage>();
  const places = new Map<number, Place>();
  for (const exchange of exchanges) {
    for (const message of messagesIn(exchange)) {
      const place = placeOf(message.topic, message.queueId, message.queueOffset);
      shown.set(place, message);
      places.set(message.physicalOffset, place);
    }
  }
  return { shown, places };
}

/** Recorded physical offsets of what the conversation itself sent. */
function ownMessages(exchanges: readonly Exchange[]): Set<number> {
  const ids = exchanges
    .filter(({ request }) => SEND_CODES.has(request.code))
    .flatMap(({ response }) => (fieldOf(response, 'msgId') ?? '').split(','));
  return new Set(ids.map((id) => decodeOffsetMessageId(id)?.physicalOffset ?? -1));
}

function inferStored(
  exchanges: readonly Exchange[],
  shown: ReadonlyMap<Place, StoredMessage>,
  own: ReadonlySet<number>,
): Map<string, number> {
  const stored = new Map<string, number>();
  const touched = new Set<string>();
  for (const { request, response } of exchanges) {
    const topic = fieldOf(request, 'topic', 'b') ?? '';
    const queue = `${topic}/${fieldOf(response, 'queueId') ?? fieldOf(request, 'queueId', 'e') ?? ''}`;
    if (touched.has(queue) || response === undefined) continue;
    const count = maxOffsetBefore(request, response);
    if (count !== undefined) stored.set(queue, count);
    if (count !== undefined || SEND_CODES.has(request.code)) touched.add(queue);
  }
  for (const { topic, queueId, queueOffset, physicalOffset, reconsumeTimes, properties } of shown.values()) {
    const queue = `${topic}/${queueId}`;
    const arrived = own.has(physicalOffset) || reconsumeTimes > 0 || properties.has('REAL_TOPIC');
    if (!arrived && !touched.has(queue)) stored.set(queue, Math.max(stored.get(queue) ?? 0, queueOffset + 1));
  }
  return stored;
}

/** The queue's maximum before the request, as its answer tells. */
function maxOffsetBefore(request: GoldenFrame, response: GoldenFrame): number | undefined {
  if (SEND_CODES.has(request.code) && response.code === 0 && !isDiverted(request)) {
    return Number(fieldOf(response, 'queueOffset'));
  }
  if (PULL_CODES.has(request.code) || request.code === 30) {
    const told = fieldOf(response, 'maxOffset', 'offset');
    return told === undefined ? undefined : Number(told);
  }
  const body = request.code === 321 ? bodyOf(response) : undefined;
  return body && asInteger(asObject(parseBody(body))['maxQueueIndex']);
}

function inferOffsets(
  exchanges: readonly Exchange[],
): { group: string; topic: string; queueId: string; offset: string }[] {
  const decided = new Set<string>();
  const offsets: { group: string; topic: string; queueId: string; offset: string }[] = [];
  for (const { request, response } of exchanges) {
    const [group = '', topic = '', queueId = ''] = ['consumerGroup', 'topic', 'queueId'].map((name) =>
      fieldOf(request, name),
    );
    const key = [group, topic, queueId].join('/');
    if ((request.code !== 14 && request.code !== 15) || decided.has(key)) continue;
    decided.add(key);
    const offset = fieldOf(response, 'offset');
    if (request.code === 14 && response?.code === 0 && offset !== undefined)
      offsets.push({ group, topic, queueId, offset });
  }
  return offsets;
}

function inferKvConfig(exchanges: readonly Exchange[]): { namespace: string; key: string; value: string }[] {
  const written = new Set<string>();
  const entries: { namespace: string; key: string; value: string }[] = [];
  for (const { request, response } of exchanges) {
    const [namespace = '', key = ''] = ['namespace', 'key'].map((name) => fieldOf(request, name));
    if (request.code === 100) written.add(namespace);
    if (request.code === 101 && response?.code === 0 && !written.has(namespace)) {
      entries.push({ namespace, key, value: fieldOf(response, 'value') ?? '' });
    }
    if (request.code === 219 && response?.code === 0 && !written.has(namespace)) {
      entries.push({ namespace, key: 'some', value: 'value' });
    }
  }
  return entries;
}
