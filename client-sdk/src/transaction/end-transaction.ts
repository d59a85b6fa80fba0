import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { EndTransactionHeader } from '@cometmq/remoting/protocol/header/send';
import type { Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { MqError } from '@cometmq/common/error/mq-error';
import type { SendResult } from '../producer/send-result.ts';
import type { Decision } from './transaction-options.ts';

/** What a decision is about: the half message by its places and its id. */
export interface HalfPlace {
  readonly group: string;
  readonly topic: string;
  readonly broker: string;
  readonly messageId: string;
  /** Offset in the half topic. */
  readonly queueOffset: number;
  /** Position in the broker's log. */
  readonly logOffset: number;
}

const FLAG: Readonly<Record<Decision, number>> = {
  commit: SysFlag.TRANSACTION_COMMIT,
  rollback: SysFlag.TRANSACTION_ROLLBACK,
  unknown: 0,
};

/** @throws MqError `PROTOCOL` when the broker's answer does not say where the half message is. */
export function placeOfHalf(group: string, sent: SendResult): HalfPlace {
  const logOffset = decodeOffsetMessageId(sent.offsetMessageId)?.physicalOffset;
  if (logOffset === undefined) {
    throw new MqError('PROTOCOL', `the id of the stored message, ${sent.offsetMessageId}, names no place`);
  }
  const { topic, messageId, queue } = sent;
  return { group, topic, broker: queue.broker, messageId, queueOffset: Number(sent.offset), logOffset };
}

export function endRequest(half: HalfPlace, decision: Decision, isAnswer: boolean): Request {
  return {
    code: RequestCode.END_TRANSACTION,
    extFields: EndTransactionHeader.encode({
      producerGroup: half.group,
      tranStateTableOffset: half.queueOffset,
      commitLogOffset: half.logOffset,
      commitOrRollback: FLAG[decision],
      fromTransactionCheck: isAnswer,
      msgId: half.messageId,
      transactionId: half.messageId,
      topic: half.topic,
      bname: half.broker,
    }),
  };
}
