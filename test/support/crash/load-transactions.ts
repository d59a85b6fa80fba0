import { SysFlag } from '@cometmq/common/message/sys-flag';
import { EndTransactionHeader } from '@cometmq/remoting/protocol/header/send';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { BrokerCaller } from './broker-caller.ts';
import type { LoadContext } from './load-context.ts';
import { pause, runClient } from './load-context.ts';
import { PRODUCER_GROUP } from './load-messages.ts';
import { next, sendOne } from './load-producers.ts';

interface Decision {
  readonly id: string;
  readonly tx: 'commit' | 'rollback';
  readonly qoff: number;
  readonly phys: number;
}

/** Half messages: of seven, four are committed, two rolled back, one is never decided. */
export function runTransactions(context: LoadContext, proc: string): Promise<void> {
  let seq = 0;
  // Decisions whose answer was lost are told again, to the next broker, until one says yes.
  let pending: Decision[] = [];
  return runClient(context, async (caller, isOn) => {
    for (const decision of pending.splice(0))
      if (!(await decide(context, caller, proc, decision))) pending.push(decision);
    while (isOn()) {
      const message = { ...next(context, proc, 'tx', seq++), kind: 'half' as const };
      const half = await sendOne(context, caller, proc, message, { tx: 'half' });
      const fate = seq % 7;
      if (half !== undefined && fate > 0) {
        const tx = fate > 2 ? 'commit' : 'rollback';
        const decision: Decision = { id: message.id, tx, qoff: half.qoff ?? 0, phys: half.phys ?? 0 };
        const isDone = await decide(context, caller, proc, decision);
        if (!isDone) pending = [...pending, decision];
        // A second time changes nothing.
        else if (fate === 4) await decide(context, caller, proc, decision);
      }
      await pause(context, 8);
    }
  });
}

/** False when nobody knows whether it was carried out. */
async function decide(
  context: LoadContext,
  caller: BrokerCaller,
  proc: string,
  decision: Decision,
): Promise<boolean> {
  const { id, tx, qoff, phys } = decision;
  const { history } = context;
  history.add({ proc, op: 'end', phase: 'invoke', id, tx });
  const answer = await caller.ask({
    code: RequestCode.END_TRANSACTION,
    extFields: EndTransactionHeader.encode({
      producerGroup: PRODUCER_GROUP,
      tranStateTableOffset: qoff,
      commitLogOffset: phys,
      commitOrRollback: tx === 'commit' ? SysFlag.TRANSACTION_COMMIT : SysFlag.TRANSACTION_ROLLBACK,
      msgId: id,
      transactionId: id,
    }),
  });
  const phase = answer === undefined ? 'info' : answer.code === ResponseCode.SUCCESS ? 'ok' : 'fail';
  history.add({
    proc,
    op: 'end',
    phase,
    id,
    tx,
    ...(phase === 'fail' ? { note: `${answer?.code ?? ''} ${answer?.remark ?? ''}` } : {}),
  });
  return phase !== 'info';
}
