import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { UniqueKeyGenerator } from '@cometmq/common/message/message-id';
import { encodeProperties, hasSeparator } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { Perm } from '@cometmq/common/message/sys-flag';
import type { RandomSource } from '@cometmq/common/random/random';
import { SendMessageHeaderV2, SendMessageResponseHeader } from '@cometmq/remoting/protocol/header/send';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode, responseCodeName } from '@cometmq/remoting/protocol/response-code';
import type { AdminSession } from './admin-session.ts';
import { ResponseError } from './response-error.ts';

/** A message to try something out with; programs send with a producer. */
export interface TestMessage {
  readonly topic: string;
  readonly body: Uint8Array;
  readonly tag?: string;
  readonly keys?: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
  /** Broker name; any writable one when absent. */
  readonly broker?: string;
  readonly queueId?: number;
}

export interface TestSendResult {
  /** SEND_OK, or in Java's words what is missing: FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE. */
  readonly status: string;
  readonly messageId: string;
  readonly offsetMessageId: string;
  readonly broker: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** What our brokers say of durability: `synced` or `written`; undefined from Java brokers. */
  readonly durability: string | undefined;
}

/** Stored, but not as safely as configured. */
const STORED_CODES: ReadonlySet<number> = new Set([
  ResponseCode.FLUSH_DISK_TIMEOUT,
  ResponseCode.FLUSH_SLAVE_TIMEOUT,
  ResponseCode.SLAVE_NOT_AVAILABLE,
]);
const PRODUCER_GROUP = 'CLIENT_INNER_PRODUCER';
const AUTO_CREATE_QUEUES = 4;

/** Sends single messages. */
export class MessageSender {
  readonly #session: AdminSession;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #keys: UniqueKeyGenerator;

  constructor(session: AdminSession, clock: Clock, random: RandomSource) {
    this.#session = session;
    this.#clock = clock;
    this.#random = random;
    this.#keys = new UniqueKeyGenerator(clock, random, Buffer.from([127, 0, 0, 1]), random.below(0x8000));
  }

  /** @throws MqError `TOPIC_NOT_EXIST`, or what the broker refused the message for. */
  async send(message: TestMessage): Promise<TestSendResult> {
    const { broker, address, queueId } = await this.#place(message);
    const messageId = this.#keys.next();
    const extFields = SendMessageHeaderV2.encode({
      a: PRODUCER_GROUP,
      b: message.topic,
      c: 'TBW102',
      d: AUTO_CREATE_QUEUES,
      e: queueId,
      f: 0,
      g: this.#clock.now(),
      h: 0,
      i: propertiesOf(message, messageId),
      j: 0,
      k: false,
      m: false,
    });
    const request = { code: RequestCode.SEND_MESSAGE_V2, extFields, body: Buffer.from(message.body) };
    const answer = await this.#session.exchange(address, request);
    if (answer.code !== ResponseCode.SUCCESS && !STORED_CODES.has(answer.code)) {
      throw new ResponseError(request.code, answer.code, answer.remark, address);
    }
    const header = SendMessageResponseHeader.decode(answer.extFields);
    return {
      status: answer.code === ResponseCode.SUCCESS ? 'SEND_OK' : responseCodeName(answer.code),
      messageId,
      offsetMessageId: header.msgId,
      broker,
      queueId: header.queueId,
      queueOffset: header.queueOffset,
      durability: header.durability,
    };
  }

  async #place(message: TestMessage): Promise<{ broker: string; address: string; queueId: number }> {
    const { topic, broker, queueId } = message;
    const [route, masters] = [await this.#session.route(topic), await this.#session.routeMasters(topic)];
    const queues = masters.flatMap((node) => {
      const data = route.queueDatas.find(({ brokerName }) => brokerName === node.brokerName);
      if (data === undefined || (data.perm & Perm.WRITE) === 0) return [];
      if (broker !== undefined && node.brokerName !== broker) return [];
      const ids = Array.from({ length: data.writeQueueNums }, (_, id) => id);
      return ids.map((id) => ({ broker: node.brokerName, address: node.address, queueId: id }));
    });
    const candidates = queueId === undefined ? queues : queues.filter((queue) => queue.queueId === queueId);
    const place = candidates[this.#random.below(Math.max(1, candidates.length))];
    if (place !== undefined) return place;
    throw new MqError('NOT_FOUND', `topic ${topic} has no such writable queue`, {
      hint:
        queues.length === 0
          ? 'none is writable now: make the topic or its brokers writable again'
          : `writable: ${queues
              .map((queue) => `${queue.broker}/${queue.queueId}`)
              .slice(0, 16)
              .join(', ')}`,
    });
  }
}

function propertiesOf({ tag, keys = [], properties = {} }: TestMessage, messageId: string): string {
  const entries: [string, string][] = [
    ...Object.entries(properties),
    [Property.KEYS, keys.join(' ')],
    [Property.UNIQ_KEY, messageId],
    [Property.WAIT, 'true'],
    [Property.TAGS, tag ?? ''],
  ];
  const bad = entries.find(([name, value]) => hasSeparator(name) || hasSeparator(value));
  if (bad !== undefined) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `property ${JSON.stringify(bad[0])} holds a control character 1 or 2`,
    );
  }
  return encodeProperties(new Map(entries));
}
