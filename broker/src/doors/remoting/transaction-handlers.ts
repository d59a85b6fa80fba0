import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { CheckTransactionHeader, EndTransactionHeader } from '@cometmq/remoting/protocol/header/send';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import type { AskProducer } from '../../transaction/transaction-check.ts';
import type { Decision, TransactionService } from '../../transaction/transaction-service.ts';
import type { HandlerTable } from './handler-table.ts';
import { RemotingClientChannel } from './remoting-client-channel.ts';

/** END_TRANSACTION. */
export function transactionHandlers(transactions: TransactionService): HandlerTable {
  return [
    [
      RequestCode.END_TRANSACTION,
      async (request: RemotingCommand): Promise<Reply | undefined> => {
        const header = EndTransactionHeader.decode(request.extFields);
        const decision = decisionOf(header.commitOrRollback);
        await transactions.end({
          producerGroup: header.producerGroup,
          queueOffset: header.tranStateTableOffset,
          physicalOffset: header.commitLogOffset,
          decision,
        });
        // Go does not mark the request as one-way, and expects no answer to "unknown" (as Java's broker gives none).
        return decision === 'unknown' ? undefined : { code: ResponseCode.SUCCESS };
      },
    ],
  ];
}

/** Asks a producer with CHECK_TRANSACTION_STATE; the answer comes as END_TRANSACTION. */
export function remotingQuestion(brokerName: string, storeHost: Uint8Array): AskProducer {
  return (channel, question) => {
    if (!(channel instanceof RemotingClientChannel)) return;
    channel.channel.invokeOneway({
      code: RequestCode.CHECK_TRANSACTION_STATE,
      extFields: CheckTransactionHeader.encode({
        topic: question.topic,
        tranStateTableOffset: question.queueOffset,
        commitLogOffset: question.physicalOffset,
        msgId: question.uniqueKey,
        transactionId: question.uniqueKey,
        offsetMsgId: encodeOffsetMessageId(storeHost, question.physicalOffset),
        bname: brokerName,
      }),
      body: question.record,
    });
  };
}

function decisionOf(flag: number): Decision {
  if (flag === SysFlag.TRANSACTION_COMMIT) return 'commit';
  return flag === SysFlag.TRANSACTION_ROLLBACK ? 'rollback' : 'unknown';
}
