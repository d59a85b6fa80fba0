// Looks at every queue through the door and holds what it finds against the reference.
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import type { StoredMessage } from '@cometmq/common/message/message';
import { PullMessageResponseHeader } from '@cometmq/remoting/protocol/header/pull';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import type { Stored } from '../reference/reference-message.ts';
import { bodyOf } from '../reference/reference-message.ts';
import type { ReferenceBroker } from '../reference/reference-broker.ts';
import { verify } from '../reference/reference-broker.ts';
import type { BrokerUnderTest } from './broker-under-test.ts';
import { pull } from './requests.ts';

const OBSERVER = 'observer';
const FOUND = 0;

interface Place {
  readonly topic: string;
  readonly queueId: number;
}

export interface PullAnswer {
  readonly code: number;
  readonly next: number;
  readonly min: number;
  readonly max: number;
  readonly messages: readonly StoredMessage[];
}

/** What is new in all queues that can be read; what had to be there and is not. */
export async function observe(reference: ReferenceBroker, broker: BrokerUnderTest): Promise<void> {
  for (let places = readable(reference); places.length > 0;) {
    const answers = await broker.askAll(
      places.map((place) => pull(OBSERVER, place, reference.queue(place.topic, place.queueId).max)),
    );
    places = places.filter((place, index) => take(reference, broker.now, place, answers[index]));
  }
  reference.settle(broker.now);
  reference.checkRetention(broker.now);
}

/** Everything that can be read, from the oldest message on: nothing changed, nothing went. */
export async function compareAll(reference: ReferenceBroker, broker: BrokerUnderTest): Promise<void> {
  await observe(reference, broker);
  const left = new Map(
    readable(reference).map((place) => [place, reference.queue(place.topic, place.queueId).min]),
  );
  while (left.size > 0) {
    const places = [...left];
    const answers = await broker.askAll(places.map(([place, offset]) => pull(OBSERVER, place, offset)));
    for (const [index, [place, offset]] of places.entries()) {
      const queue = reference.queue(place.topic, place.queueId);
      const where = `${place.topic}/${place.queueId} at ${offset}`;
      const { code, next, messages } = pullAnswer(answers[index]);
      const expected = queue.pull(offset, 32, [], next);
      verify(
        code === expected.code && next === expected.next,
        `${where}: code ${code}, next ${next} instead of ${expected.code}, ${expected.next}`,
      );
      compare(
        messages,
        expected.offsets.map((at) => queue.messages[at]),
        where,
      );
      if (next >= queue.max) left.delete(place);
      else left.set(place, next);
    }
  }
}

/** The same messages at the same places with the same content. */
export function compare(
  found: readonly StoredMessage[],
  expected: readonly (Stored | undefined)[],
  where: string,
): void {
  verify(
    found.length === expected.length,
    `${where}: ${found.length} messages instead of ${expected.length}`,
  );
  for (const [index, message] of found.entries()) {
    const stored = expected[index];
    const isSame =
      stored !== undefined &&
      message.topic === stored.topic &&
      message.queueId === stored.queueId &&
      message.queueOffset === stored.offset &&
      message.physicalOffset === stored.physicalOffset &&
      message.storeTimestamp === stored.storedAt &&
      message.reconsumeTimes === stored.draft.reconsumeTimes &&
      message.body.equals(bodyOf(stored.draft));
    verify(
      isSame,
      `${where}: ${stored?.draft.id} is not what it was: ${JSON.stringify({ ...message, body: message.body.toString('latin1', 0, 20), properties: [...message.properties] })}`,
    );
  }
}

export function pullAnswer(answer: RemotingCommand | undefined): PullAnswer {
  if (answer === undefined) throw new Error('no answer to a pull');
  const {
    nextBeginOffset: next,
    minOffset: min,
    maxOffset: max,
  } = PullMessageResponseHeader.decode(answer.extFields);
  const messages = answer.code === FOUND ? decodeMessages(answer.body ?? Buffer.alloc(0)) : [];
  return { code: answer.code, next, min, max, messages };
}

function readable(reference: ReferenceBroker): Place[] {
  return [...reference.topics].flatMap(([topic, { queueCount }]) =>
    Array.from({ length: queueCount }, (_, queueId) => ({ topic, queueId })),
  );
}

/** Takes the answer to a pull at the end as it was known; true when more may be there. */
function take(
  reference: ReferenceBroker,
  now: number,
  place: Place,
  answer: RemotingCommand | undefined,
): boolean {
  const { topic, queueId } = place;
  const where = `${topic}/${queueId}`;
  const known = reference.queue(topic, queueId).max;
  if (answer?.extFields?.['maxOffset'] === undefined)
    throw new Error(`${where}: answer ${answer?.code} to a pull: ${answer?.remark}`);
  const { code, min, max, messages } = pullAnswer(answer);
  verify(max >= known, `${where}: max goes back from ${known} to ${max}`);
  verify(min <= max, `${where}: min ${min} lies beyond max ${max}`);
  verify(code !== FOUND || messages[0]?.queueOffset === known, `${where}: offsets from ${known} on are gone`);
  for (const message of messages) reference.explain(message, now);
  reference.trimmed(topic, queueId, Math.min(min, reference.queue(topic, queueId).max), now);
  return reference.queue(topic, queueId).max < max;
}
