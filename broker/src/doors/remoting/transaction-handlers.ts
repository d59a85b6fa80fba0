import { EndTransactionHeader } from '@cometmq/remoting/protocol/header/send';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import type { ClientService } from '../../service/client-service.ts';
import type { Decision } from '../../service/decided-transactions.ts';
import type { TransactionService } from '../../service/transaction-service.ts';
import type { HandlerTable } from './handler-table.ts';
import type { RemotingClients } from './remoting-client-channel.ts';

/** END_TRANSACTION. */
export function transactionHandlers(
  transactions: TransactionService,
  producers: ClientService,
  clients: RemotingClients,
): HandlerTable {
  return [
    [
      RequestCode.END_TRANSACTION,
      async (request: RemotingCommand, channel: RemotingChannel): Promise<Reply | undefined> => {
        const header = EndTransactionHeader.decode(request.extFields);
        const decision = decisionOf(header.commitOrRollback);
        const { producerGroup } = header;
        const clientId = producers.producerId(producerGroup, clients.of(channel));
        await transactions.end({
          producerGroup,
          queueOffset: header.tranStateTableOffset,
          physicalOffset: header.commitLogOffset,
          ids: [header.transactionId ?? '', header.msgId ?? ''],
          decision,
          isAnswer: header.fromTransactionCheck === true,
          who: clientId === undefined ? channel.remote : `${clientId} ${channel.remote}`,
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
