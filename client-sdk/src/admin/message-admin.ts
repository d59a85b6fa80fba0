import { MqError } from '@cometmq/common/error/mq-error';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { decodeOffsetMessageId, encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { encodeHost } from '@cometmq/common/message/host';
import type { StoredMessage } from '@cometmq/common/message/message';
import { Property } from '@cometmq/common/message/property-names';
import { asInteger, asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { ConsumeMessageDirectlyHeader } from '@cometmq/remoting/protocol/header/client';
import { QueryMessageHeader, ViewMessageHeader } from '@cometmq/remoting/protocol/header/message';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession } from './admin-session.ts';
import type { Merged } from './partial.ts';
import { absentIf, gatherSome } from './partial.ts';
import { ResponseError } from './response-error.ts';

/** A stored message and the broker that has it. */
export interface FoundMessage extends StoredMessage {
  readonly broker: string;
  /** Names the stored record: broker address and position. */
  readonly offsetMessageId: string;
  /** The id that the producer gave it; the offset id when it gave none. */
  readonly messageId: string;
}

export interface FoundMessages extends Merged {
  /** Oldest first. */
  readonly messages: readonly FoundMessage[];
}

export interface KeyQuery {
  /** Store times, ms, both included. */
  readonly from?: number;
  readonly to?: number;
  /** Messages at most; brokers give 64 at most each. */
  readonly limit?: number;
}

/** What a client made of a message that it was handed by hand. */
export interface DirectConsumption {
  /** CR_SUCCESS, CR_LATER, CR_ROLLBACK, CR_COMMIT, CR_THROW_EXCEPTION or CR_RETURN_NULL. */
  readonly result: string;
  readonly remark: string;
  readonly spentMs: number;
}

/** The most that brokers answer a query with. */
const QUERY_LIMIT_MAX = 64;
const CLIENT_CALL_TIMEOUT_MS = 12_000;
/** Go clients answer with the position in this list. */
const CONSUME_RESULTS = [
  'CR_SUCCESS',
  'CR_LATER',
  'CR_ROLLBACK',
  'CR_COMMIT',
  'CR_THROW_EXCEPTION',
  'CR_RETURN_NULL',
];

/** Finds stored messages and has them consumed by hand. */
export class MessageAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /**
   * The message that an offset id names; undefined when it is no longer (or was never) there.
   * @throws MqError `INVALID_ARGUMENT` for text that is no offset id.
   */
  async byOffsetId(offsetMessageId: string): Promise<FoundMessage | undefined> {
    const place = decodeOffsetMessageId(offsetMessageId);
    if (place === undefined) {
      throw new MqError('INVALID_ARGUMENT', `${offsetMessageId} is not an offset message id`, {
        hint: 'it has 32 hexadecimal digits (56 with IPv6); look up other ids by unique key',
      });
    }
    const address = `${place.address}:${place.port}`;
    const extFields = ViewMessageHeader.encode({ offset: place.physicalOffset });
    try {
      const { body } = await this.#session.ask(address, { code: RequestCode.VIEW_MESSAGE_BY_ID, extFields });
      const [message] = body === undefined ? [] : decodeMessages(body);
      return message === undefined
        ? undefined
        : foundMessage(message, (await this.#session.broker(address)).brokerName);
    } catch (error) {
      if (error instanceof ResponseError && error.remoteCode === 1) return undefined;
      throw error;
    }
  }

  /** Messages with a unique key (the id that producers give); more than one only after a producer sent twice. */
  byUniqueKey(topic: string, uniqueKey: string): Promise<FoundMessages> {
    return this.#query(topic, uniqueKey, true, { limit: QUERY_LIMIT_MAX / 2 });
  }

  /** Messages of a topic that carry a key. */
  byKey(topic: string, key: string, query: KeyQuery = {}): Promise<FoundMessages> {
    return this.#query(topic, key, false, query);
  }

  /** What an id names: tried as an offset id, then as a unique key of the topic. */
  async byId(topic: string, id: string): Promise<FoundMessages> {
    if (decodeOffsetMessageId(id) !== undefined) {
      // A unique key reads as an offset id of an address that does not exist.
      const known = new Set((await this.#session.masters()).map(({ address }) => address));
      const place = decodeOffsetMessageId(id);
      if (place !== undefined && known.has(`${place.address}:${place.port}`)) {
        const message = await this.byOffsetId(id);
        if (message !== undefined) return { messages: [message], complete: true, failures: [] };
      }
    }
    return this.byUniqueKey(topic, id);
  }

  /**
   * Hands a stored message to one online consumer and returns what it made of it. Offsets do not move.
   * @throws MqError `CONSUMER_NOT_ONLINE`, `CLIENT_TIMEOUT`, `MESSAGE_NOT_FOUND`.
   */
  async consumeDirectly(group: string, clientId: string, message: FoundMessage): Promise<DirectConsumption> {
    const extFields = ConsumeMessageDirectlyHeader.encode({
      consumerGroup: group,
      clientId,
      msgId: message.offsetMessageId,
      brokerName: message.broker,
      topic: message.topic,
    });
    const address = `${message.storeHost.address}:${message.storeHost.port}`;
    const request = { code: RequestCode.CONSUME_MESSAGE_DIRECTLY, extFields };
    const { body } = await this.#session.ask(address, request, CLIENT_CALL_TIMEOUT_MS);
    const members = asObject(body === undefined ? {} : parseBody(body));
    const result = members['consumeResult'];
    return {
      result: typeof result === 'number' ? (CONSUME_RESULTS[result] ?? String(result)) : asString(result),
      remark: asString(members['remark']),
      spentMs: asInteger(members['spentTimeMills']),
    };
  }

  async #query(topic: string, key: string, unique: boolean, query: KeyQuery): Promise<FoundMessages> {
    const limit = Math.min(query.limit ?? QUERY_LIMIT_MAX, QUERY_LIMIT_MAX);
    const extFields = QueryMessageHeader.encode({
      topic,
      key,
      maxNum: limit,
      beginTimestamp: query.from ?? 0,
      endTimestamp: query.to ?? Number.MAX_SAFE_INTEGER,
      indexType: unique ? 'U' : 'K',
      _UNIQUE_KEY_QUERY: String(unique),
    });
    const request = { code: RequestCode.QUERY_MESSAGE, extFields };
    const { answers, failures } = await gatherSome(
      await this.#session.routeMasters(topic),
      async ({ address }) => {
        const answer = await absentIf(['NOT_FOUND'], this.#session.ask(address, request));
        return answer?.body === undefined ? [] : decodeMessages(answer.body);
      },
    );
    // The index knows hashes only, so brokers may send messages with other keys.
    const messages = answers.flatMap(({ server, value }) =>
      value
        .filter(
          (message) =>
            message.topic === topic && (unique ? hasUniqueKey(message, key) : hasKey(message, key)),
        )
        .map((message) => foundMessage(message, server)),
    );
    messages.sort((a, b) => a.storeTimestamp - b.storeTimestamp);
    const cut = answers.some(({ value }) => value.length >= limit);
    return { messages: messages.slice(0, limit), complete: failures.length === 0 && !cut, failures };
  }
}

export function foundMessage(message: StoredMessage, broker: string): FoundMessage {
  const { address, port } = message.storeHost;
  const offsetMessageId = encodeOffsetMessageId(encodeHost(address, port), message.physicalOffset);
  return {
    ...message,
    broker,
    offsetMessageId,
    messageId: message.properties.get(Property.UNIQ_KEY) ?? offsetMessageId,
  };
}

/** The keys of a message: tokens separated by blanks. */
export function keysOf(message: StoredMessage): string[] {
  return (message.properties.get(Property.KEYS) ?? '').split(' ').filter((key) => key !== '');
}

function hasKey(message: StoredMessage, key: string): boolean {
  return keysOf(message).includes(key);
}

function hasUniqueKey(message: StoredMessage, key: string): boolean {
  return message.properties.get(Property.UNIQ_KEY) === key;
}
