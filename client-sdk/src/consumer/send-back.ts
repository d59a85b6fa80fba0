import { encodeHost } from '@cometmq/common/message/host';
import type { StoredMessage } from '@cometmq/common/message/message';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { errorText } from '@cometmq/common/error/mq-error';
import { retryTopic } from '@cometmq/common/topic/names';
import { SendBackHeader } from '@cometmq/remoting/protocol/header/send';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ClientContext } from '../client/client-context.ts';
import { remoteError } from '../connection/remote-error.ts';
import { Sender } from '../producer/sender.ts';

/** Java's producer group for what clients send on their own account. */
export const INNER_PRODUCER_GROUP = 'CLIENT_INNER_PRODUCER';
const SEND_BACK_TIMEOUT_MS = 5000;
const RESEND_LIMITS = { timeoutMs: 3000, retries: 2 };
/** Delay level that means: to the dead letters. */
export const TO_DEAD_LETTERS = -1;
/** Delay level that means: the broker's ladder decides. */
export const BROKER_DECIDES = 0;
const FIRST_RETRY_LEVEL = 3;
const KEPT_FLAGS = SysFlag.COMPRESSED | SysFlag.COMPRESSION_MASK | SysFlag.MULTI_TAGS;

/** Returns messages to their broker for another delivery, or to the dead letters. */
export class SendBack {
  readonly #context: ClientContext;
  readonly #group: string;
  readonly #sender: Sender;

  constructor(context: ClientContext, group: string) {
    this.#context = context;
    this.#group = group;
    this.#sender = new Sender(context);
  }

  /**
   * CONSUMER_SEND_MSG_BACK; if the broker can't do it, an ordinary send to the retry topic.
   * @param reconsumeTimes redeliveries so far
   * @throws when neither worked
   */
  async sendBack(
    message: StoredMessage,
    brokerName: string,
    delayLevel: number,
    reconsumeTimes: number,
    maxReconsumeTimes: number,
  ): Promise<void> {
    try {
      await this.#ask(message, brokerName, delayLevel, maxReconsumeTimes);
    } catch (error) {
      this.#context.log.warn(
        { group: this.#group, reason: errorText(error) },
        'send-back failed, sending to the retry topic',
      );
      await this.resend(message, delayLevel, reconsumeTimes, maxReconsumeTimes);
    }
  }

  /**
   * An ordinary send to the retry topic. The broker makes a dead letter of it when it is over its limit, or when the
   * group holds queue locks (an ordered consumer gives up).
   */
  async resend(
    message: StoredMessage,
    delayLevel: number,
    reconsumeTimes: number,
    maxReconsumeTimes: number,
  ): Promise<void> {
    const topic = retryTopic(this.#group);
    const times = delayLevel === TO_DEAD_LETTERS ? maxReconsumeTimes + 1 : reconsumeTimes + 1;
    const properties = new Map(message.properties);
    properties.set(Property.RETRY_TOPIC, originTopic(message));
    properties.set(Property.ORIGIN_MESSAGE_ID, originMessageId(message));
    properties.set(Property.RECONSUME_TIME, String(times));
    properties.set(Property.MAX_RECONSUME_TIMES, String(maxReconsumeTimes));
    properties.set(Property.DELAY, String(delayLevel > 0 ? delayLevel : FIRST_RETRY_LEVEL + reconsumeTimes));
    properties.delete(Property.TRANSACTION_PREPARED);
    const content = {
      topic,
      code: RequestCode.SEND_MESSAGE_V2,
      body: message.body,
      sysFlag: message.sysFlag & KEPT_FLAGS,
      flag: message.flag,
      properties: encodeProperties(properties),
      batch: false,
      messageIds: [message.properties.get(Property.UNIQ_KEY) ?? ''],
      reconsumeTimes: times,
      maxReconsumeTimes,
    };
    await this.#sender.send(content, INNER_PRODUCER_GROUP, {}, RESEND_LIMITS);
  }

  async #ask(
    message: StoredMessage,
    brokerName: string,
    delayLevel: number,
    maxReconsumeTimes: number,
  ): Promise<void> {
    const { connections, routes } = this.#context;
    const address = routes.master(brokerName) ?? `${message.storeHost.address}:${message.storeHost.port}`;
    const extFields = SendBackHeader.encode({
      offset: message.physicalOffset,
      group: this.#group,
      delayLevel,
      originMsgId: message.properties.get(Property.UNIQ_KEY),
      originTopic: originTopic(message),
      unitMode: false,
      maxReconsumeTimes,
      bname: brokerName,
    });
    const code = RequestCode.CONSUMER_SEND_MSG_BACK;
    const answer = await connections.invoke(address, { code, extFields }, SEND_BACK_TIMEOUT_MS);
    if (answer.code !== ResponseCode.SUCCESS) throw remoteError(code, answer, address);
  }
}

function originTopic(message: StoredMessage): string {
  return message.properties.get(Property.RETRY_TOPIC) ?? message.topic;
}

function originMessageId({ properties, storeHost, physicalOffset }: StoredMessage): string {
  const known = properties.get(Property.ORIGIN_MESSAGE_ID);
  return known ?? encodeOffsetMessageId(encodeHost(storeHost.address, storeHost.port), physicalOffset);
}
