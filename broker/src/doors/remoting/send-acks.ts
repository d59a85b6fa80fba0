import { encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { errorReply } from '@cometmq/remoting/protocol/error-reply';
import { FRAME_PREFIX_SIZE, writeFramePrefix } from '@cometmq/remoting/protocol/frame';
import { replyCommand } from '@cometmq/remoting/protocol/remoting-command';
import type { SerializeType } from '@cometmq/remoting/protocol/remoting-command';
import { PROTOCOL_VERSION } from '@cometmq/remoting/protocol/version';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { MqError } from '@cometmq/common/error/mq-error';
import { REGION } from '../../service/producer-service.ts';
import type { Durability, DurabilityGroup, DurabilityWaiter } from '../../service/direct-send.ts';

/** Room for one answer: about 310 bytes of text and a unique key. */
const ANSWER_SIZE_MAX = 512;
export const UNIQUE_KEY_SIZE_MAX = 128;

const QUEUE_ID = Buffer.from('","queueId":"');
const QUEUE_OFFSET = Buffer.from('","queueOffset":"');
const TRANSACTION_ID = Buffer.from('","transactionId":"');
const OPAQUE = Buffer.from('"},"flag":1,"language":"JAVA","opaque":');
const TAIL = Buffer.from(`,"serializeTypeCurrentRPC":"JSON","version":${PROTOCOL_VERSION}}`);

/**
 * The answers to the messages that one connection sent into one group commit. They are written while the messages are
 * appended and leave in one piece when the group is durable, so that no message costs an object of its own.
 */
export class SendAcks implements DurabilityWaiter {
  readonly group: DurabilityGroup;
  readonly #channel: RemotingChannel;
  readonly #head: Buffer;
  #buffer: Buffer;
  #size = 0;
  #requestBytes = 0;
  /** Whom to tell if the group fails. */
  readonly #opaques: number[] = [];

  constructor(channel: RemotingChannel, group: DurabilityGroup, head: Buffer, expectedSize: number) {
    this.#buffer = Buffer.allocUnsafe(expectedSize + ANSWER_SIZE_MAX);
    this.#channel = channel;
    this.group = group;
    this.#head = head;
  }

  /** Bytes of answers so far. */
  get size(): number {
    return this.#size;
  }

  /** Counts the bytes of a request, answered or not, against what its connection may have under way. */
  working(bytes: number): void {
    this.#requestBytes += bytes;
    this.#channel.working(bytes);
  }

  /** Adds the answer to one message. */
  add(
    opaque: number,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
    uniqueKey: Buffer,
    from: number,
    to: number,
  ): void {
    if (this.#size + ANSWER_SIZE_MAX > this.#buffer.length) this.#grow();
    const buffer = this.#buffer;
    const start = this.#size;
    let at = put(buffer, start + FRAME_PREFIX_SIZE, this.#head);
    at = putHex(buffer, at, Math.floor(physicalOffset / 2 ** 32));
    at = putHex(buffer, at, physicalOffset >>> 0);
    at = put(buffer, at, QUEUE_ID);
    at = putDecimal(buffer, at, queueId);
    at = put(buffer, at, QUEUE_OFFSET);
    at = putDecimal(buffer, at, queueOffset);
    at = put(buffer, at, TRANSACTION_ID);
    for (let index = from; index < to; index++) buffer[at++] = uniqueKey[index] ?? 0;
    at = put(buffer, at, OPAQUE);
    at = putDecimal(buffer, at, opaque);
    at = put(buffer, at, TAIL);
    const headerSize = at - start - FRAME_PREFIX_SIZE;
    writeFramePrefix(buffer, start, 'JSON', headerSize, 0);
    this.#size = at;
    this.#opaques.push(opaque);
  }

  durable(): void {
    if (this.#size > 0) this.#channel.send(this.#buffer.subarray(0, this.#size));
    this.#channel.answered(this.#requestBytes);
  }

  failed(error: MqError): void {
    const reply = errorReply(error);
    const serialize: SerializeType = 'JSON';
    for (const opaque of this.#opaques)
      this.#channel.send(encodeCommand(replyCommand(reply, opaque, serialize)));
    this.#channel.answered(this.#requestBytes);
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#buffer.length * 4);
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
}

/** What all answers of a broker begin with, up to the message id's offset. */
export function answerHead(storeHost: Uint8Array, durability: Durability): Buffer {
  const host = Buffer.from(storeHost).toString('hex').toUpperCase();
  return Buffer.from(
    `{"code":0,"extFields":{"MSG_REGION":"${REGION}","TRACE_ON":"true","durability":"${durability}","msgId":"${host}`,
  );
}

function put(target: Buffer, at: number, text: Buffer): number {
  target.set(text, at);
  return at + text.length;
}

const HEX = Buffer.from('0123456789ABCDEF');

function putHex(target: Buffer, at: number, word: number): number {
  for (let digit = 0; digit < 8; digit++) target[at + digit] = HEX[(word >>> (28 - digit * 4)) & 15] ?? 0;
  return at + 8;
}

/** A whole number in decimal digits. */
function putDecimal(target: Buffer, at: number, value: number): number {
  let rest = value;
  let start = at;
  if (rest < 0) {
    target[start++] = 0x2d;
    rest = -rest;
  }
  let digits = 1;
  for (let bound = 10; rest >= bound; bound *= 10) digits++;
  for (let index = start + digits - 1; index >= start; index--) {
    const quotient = Math.floor(rest / 10);
    target[index] = 0x30 + rest - quotient * 10;
    rest = quotient;
  }
  return start + digits;
}
