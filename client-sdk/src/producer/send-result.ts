import { MqError } from '@cometmq/common/error/mq-error';
import { SendMessageResponseHeader } from '@cometmq/remoting/protocol/header/send';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { Queue } from '../message/received-message.ts';

/** How far the broker got before it answered; all four mean that the message is stored. */
export type SendStatus = 'SEND_OK' | 'FLUSH_DISK_TIMEOUT' | 'FLUSH_SLAVE_TIMEOUT' | 'SLAVE_NOT_AVAILABLE';

export interface SendResult {
  /** The id that consumers see. */
  readonly messageId: string;
  /** Where the message lies: broker and position in its log. */
  readonly offsetMessageId: string;
  readonly topic: string;
  readonly queue: Queue;
  readonly offset: bigint;
  readonly status: SendStatus;
  /** Of a message that waits for its time: what `Producer.cancel` takes it back with. */
  readonly schedule: string | undefined;
  /** `synced`: on the disk; `written`: the operating system has it. Undefined when the broker does not say. */
  readonly durability: 'synced' | 'written' | undefined;
}

const STATUS_OF_CODE: Readonly<Record<number, SendStatus>> = {
  [ResponseCode.SUCCESS]: 'SEND_OK',
  [ResponseCode.FLUSH_DISK_TIMEOUT]: 'FLUSH_DISK_TIMEOUT',
  [ResponseCode.FLUSH_SLAVE_TIMEOUT]: 'FLUSH_SLAVE_TIMEOUT',
  [ResponseCode.SLAVE_NOT_AVAILABLE]: 'SLAVE_NOT_AVAILABLE',
};

/** True when the answer says that the message is stored. */
export function isStored(answer: RemotingCommand): boolean {
  return STATUS_OF_CODE[answer.code] !== undefined;
}

/** The results of all messages of one send, in their order; a batch has ids joined by commas and one first offset. */
export function sendResults(
  answer: RemotingCommand,
  target: MessageQueue,
  messageIds: readonly string[],
): SendResult[] {
  const status = STATUS_OF_CODE[answer.code];
  if (status === undefined) throw new MqError('PROTOCOL', `code ${answer.code} is no result of a send`);
  const { msgId, queueId, queueOffset, durability, recallHandle } = SendMessageResponseHeader.decode(
    answer.extFields,
  );
  const offsetIds = msgId.split(',');
  return messageIds.map((messageId, index) => ({
    messageId,
    offsetMessageId: offsetIds[index] ?? '',
    topic: target.topic,
    queue: { broker: target.brokerName, id: queueId },
    offset: BigInt(queueOffset + index),
    status,
    schedule: recallHandle,
    durability: durability === 'synced' || durability === 'written' ? durability : undefined,
  }));
}
