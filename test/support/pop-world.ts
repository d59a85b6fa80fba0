// A broker's world with helpers for what pops and acknowledges.
import type { LeaseName, PopOutcome, PopRequest } from '@cometmq/broker/service/pop-types';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import type { BrokerWorld } from './broker-world.ts';
import { sendRequest } from './broker-world.ts';

export const GROUP = 'GID_pop';

/** A message as a test looks at it. */
export interface Popped {
  readonly body: string;
  readonly reconsumeTimes: number;
  readonly attempts: number;
  readonly record: Buffer;
  readonly lease: LeaseName;
}

export function popRequest(change: Partial<PopRequest> = {}): PopRequest {
  return {
    group: GROUP,
    topic: 'orders',
    queueId: -1,
    countMax: 32,
    invisibleMs: 30_000,
    waitMs: 0,
    fromNewest: false,
    expression: undefined,
    expressionType: 'TAG',
    isOrdered: false,
    attemptId: '',
    ...change,
  };
}

export function messagesOf(outcome: PopOutcome, group = GROUP): Popped[] {
  if (outcome.kind === 'failed') throw outcome.error as Error;
  if (outcome.kind !== 'found') return [];
  return outcome.parts.flatMap(({ topic, queueId, startOffset, offsets, attempts, records }) =>
    records.map((record, index) => {
      const message = decodeMessage(record, 0, record.length);
      const offset = offsets[index] ?? -1;
      return {
        body: message.body.toString(),
        reconsumeTimes: message.reconsumeTimes,
        attempts: attempts?.[index] ?? 0,
        record,
        lease: { group, topic, queueId, startOffset, popTime: outcome.popTime, offset },
      };
    }),
  );
}

/** Pops without waiting. */
export function pop(world: BrokerWorld, change: Partial<PopRequest> = {}): Popped[] {
  let popped: Popped[] = [];
  const request = popRequest(change);
  world.services.pops.service.pop(request, {}, (outcome) => (popped = messagesOf(outcome, request.group)));
  return popped;
}

/** Pops with long polling; what was answered is in the list, once it was. */
export function heldPop(
  world: BrokerWorld,
  change: Partial<PopRequest> = {},
  owner: object = {},
): PopOutcome[] {
  const outcomes: PopOutcome[] = [];
  world.services.pops.service.pop(popRequest({ waitMs: 15_000, ...change }), owner, (outcome) =>
    outcomes.push(outcome),
  );
  return outcomes;
}

export async function acknowledge(world: BrokerWorld, messages: readonly Popped[]): Promise<boolean[]> {
  return world.services.pops.service.acknowledge(messages.map(({ lease }) => lease));
}

/** Stores texts, in one queue. */
export async function sendTexts(
  world: BrokerWorld,
  texts: readonly string[],
  { topic = 'orders', queueId = 0, tag = '' } = {},
): Promise<void> {
  const properties = tag === '' ? {} : { TAGS: tag };
  for (const text of texts)
    await world.services.producing.send(sendRequest(topic, properties, { queueId, body: Buffer.from(text) }));
}
