import { asInteger, asObject, asString } from './shape.ts';

/** A queue as clients name it; equal when all three members are. */
export interface MessageQueue {
  readonly brokerName: string;
  readonly queueId: number;
  readonly topic: string;
}

export function readMessageQueue(value: unknown): MessageQueue {
  const members = asObject(value);
  return {
    brokerName: asString(members['brokerName']),
    queueId: asInteger(members['queueId']),
    topic: asString(members['topic']),
  };
}

/**
 * JSON text of a `Map<MessageQueue, V>` the only way fastjson reads one: whole objects as keys, members in its order.
 */
export function objectKeyMap(entries: Iterable<readonly [MessageQueue, unknown]>): string {
  const members: string[] = [];
  for (const [{ brokerName, queueId, topic }, value] of entries) {
    members.push(`${JSON.stringify({ brokerName, queueId, topic })}:${JSON.stringify(value)}`);
  }
  return `{${members.join(',')}}`;
}
