// Messages of the mixed load: each carries its name in its body, so that whoever reads it knows what it should be.
import { createHash } from 'node:crypto';
import type { StoredMessage } from '@cometmq/common/message/message';
import { encodeBatch } from '@cometmq/common/message/batch-codec';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import { SendMessageHeaderV2 } from '@cometmq/remoting/protocol/header/send';
import type { Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';

export const PRODUCER_GROUP = 'crash-producers';
const NAME_END = '|';

export interface LoadMessage {
  readonly id: string;
  readonly topic: string;
  readonly queue: number;
  readonly sizeBytes: number;
  /** `hasty`: its sender does not want to wait for the sync. */
  readonly kind?: 'half' | 'delayed' | 'hasty';
}

/** The key under which a message is found. */
export function keyOf(id: string): string {
  return `k-${id}`;
}

export function bodyOf({ id, sizeBytes }: LoadMessage): Buffer {
  const head = id + NAME_END;
  return Buffer.from(head + head.repeat(Math.ceil(sizeBytes / head.length)).slice(0, sizeBytes));
}

export function bodyHash(body: Buffer): string {
  return createHash('sha1').update(body).digest('hex').slice(0, 12);
}

/** The name of a stored message; what stands there instead when it has none. */
export function idOf({ body }: StoredMessage): string {
  const text = body.toString('latin1', 0, 64);
  const end = text.indexOf(NAME_END);
  return end < 0 ? `nameless:${text}` : text.slice(0, end);
}

export function sendRequest(message: LoadMessage, body: Buffer): Request {
  const isHalf = message.kind === 'half';
  return {
    code: RequestCode.SEND_MESSAGE_V2,
    body,
    extFields: header(message, isHalf ? SysFlag.TRANSACTION_PREPARED : 0, propertiesOf(message), false),
  };
}

/** A batch of messages for one queue. */
export function batchRequest(messages: readonly LoadMessage[]): Request {
  const [first] = messages;
  if (first === undefined) throw new Error('a batch without messages');
  const members = messages.map((message) => ({
    flag: 0,
    body: bodyOf(message),
    properties: Buffer.from(propertiesOf(message)),
  }));
  const extFields = header(first, 0, encodeProperties(new Map([[Property.WAIT, 'true']])), true);
  return { code: RequestCode.SEND_BATCH_MESSAGE, body: encodeBatch(members), extFields };
}

function propertiesOf({ id, kind }: LoadMessage): string {
  const properties = new Map<string, string>([
    [Property.UNIQ_KEY, id],
    [Property.KEYS, keyOf(id)],
    [Property.WAIT, String(kind !== 'hasty')],
  ]);
  if (kind === 'delayed') properties.set(Property.DELAY, '1');
  if (kind === 'half') {
    properties.set(Property.TRANSACTION_PREPARED, 'true');
    properties.set(Property.PRODUCER_GROUP, PRODUCER_GROUP);
  }
  return encodeProperties(properties);
}

function header(
  { topic, queue }: LoadMessage,
  sysFlag: number,
  properties: string,
  batch: boolean,
): ReturnType<typeof SendMessageHeaderV2.encode> {
  return SendMessageHeaderV2.encode({
    a: PRODUCER_GROUP,
    b: topic,
    c: SystemTopic.AUTO_CREATE,
    d: 4,
    e: queue,
    f: sysFlag,
    g: Date.now(),
    h: 0,
    i: properties,
    j: 0,
    k: false,
    m: batch,
  });
}
