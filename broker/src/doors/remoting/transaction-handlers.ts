import { EndTransactionHeader } from '@cometmq/remoting/protocol/header/send';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import type { Decision, TransactionService } from '../../service/transaction-service.ts';
import type { HandlerTable } from './handler-table.ts';

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

function decisionOf(flag: number): Decision {
  if (flag === SysFlag.TRANSACTION_COMMIT) return 'commit';
  return flag === SysFlag.TRANSACTION_ROLLBACK ? 'rollback' : 'unknown';
}
