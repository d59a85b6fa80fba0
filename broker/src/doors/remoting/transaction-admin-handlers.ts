import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import {
  ListTransactionsHeader,
  ResumeCheckHeader,
  TransactionHeader,
  TransactionOrderHeader,
} from '@cometmq/remoting/protocol/header/transaction';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { MqError } from '@cometmq/common/error/mq-error';
import type { TransactionAdminService, TransactionQuery } from '../../service/transaction-admin-service.ts';
import type { HandlerTable } from './handler-table.ts';

const STATES: readonly string[] = [
  'open',
  'prepared',
  'checking',
  'expired',
  'decided',
  'committed',
  'rolledBack',
] satisfies TransactionQuery['state'][];
const PAGE_DEFAULT = 100;

/** Operators look at transactions and decide them. */
export function transactionAdminHandlers(transactions: TransactionAdminService): HandlerTable {
  return [
    [
      RequestCode.LIST_TRANSACTIONS,
      async ({ extFields }): Promise<Reply> => {
        const header = ListTransactionsHeader.decode(extFields);
        const { group, topic, olderThan: olderThanMs, cursor } = header;
        const state = stateNamed(header.state ?? 'open');
        const countMax = header.maxNum ?? PAGE_DEFAULT;
        return success(await transactions.list({ state, group, topic, olderThanMs, countMax, cursor }));
      },
    ],
    [
      RequestCode.GET_TRANSACTION,
      async ({ extFields }): Promise<Reply> =>
        success(await transactions.get(TransactionHeader.decode(extFields).transaction)),
    ],
    [
      RequestCode.CHECK_TRANSACTION,
      async ({ extFields }): Promise<Reply> =>
        success(await transactions.check(TransactionHeader.decode(extFields).transaction)),
    ],
    [
      RequestCode.RESUME_TRANSACTION,
      async (request, channel): Promise<Reply> => {
        const { name, who, reason } = order(request, channel);
        return success(await transactions.resume(name, who, reason));
      },
    ],
    [
      RequestCode.COMMIT_TRANSACTION,
      async (request, channel): Promise<Reply> => {
        const { name, who, reason } = order(request, channel);
        return success(await transactions.decide(name, 'commit', who, reason));
      },
    ],
    [
      RequestCode.ROLLBACK_TRANSACTION,
      async (request, channel): Promise<Reply> => {
        const { name, who, reason } = order(request, channel);
        return success(await transactions.decide(name, 'rollback', who, reason));
      },
    ],
    [
      RequestCode.RESUME_CHECK_HALF_MESSAGE,
      async ({ extFields }, channel): Promise<Reply> => {
        const { msgId } = ResumeCheckHeader.decode(extFields);
        await transactions.resume(msgId, channel.remote, 'resumeCheckHalfMessage');
        return { code: ResponseCode.SUCCESS };
      },
    ],
  ];
}

function success(body: unknown): Reply {
  return { code: ResponseCode.SUCCESS, body: jsonBody(body) };
}

function order(
  { extFields }: RemotingCommand,
  channel: RemotingChannel,
): { readonly name: string; readonly who: string; readonly reason: string } {
  const { transaction: name, reason = '', operator = '' } = TransactionOrderHeader.decode(extFields);
  return { name, who: operator === '' ? channel.remote : `${operator} ${channel.remote}`, reason };
}

function stateNamed(text: string): TransactionQuery['state'] {
  if (STATES.includes(text)) return text as TransactionQuery['state'];
  throw new MqError('INVALID_ARGUMENT', `${text} is no state of transactions`, {
    hint: `one of: ${STATES.join(', ')}`,
  });
}
