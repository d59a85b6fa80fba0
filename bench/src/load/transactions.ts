import { closedLoops } from './closed-loops.ts';
import type { JobResult, TransactionJob } from './job.ts';
import { requestFrame } from './request-frame.ts';
import { SendFrame } from './send-frame.ts';
import { keyPrefix } from './unique-key.ts';

const CODE_END_TRANSACTION = 37;
const COMMIT = 8;

/**
 * A closed loop of transactions: half message, answer, commit, answer. Java's client does not wait for an answer to its
 * commit; here it is asked for, so that what counts as committed is.
 */
export function transactions(job: TransactionJob): Promise<JobResult> {
  const half = new SendFrame(job, keyPrefix());
  let count = 0;
  return closedLoops(job, (requests, meter) => {
    const next = (): void => {
      if (requests.isFinishing) return;
      const number = count++;
      const sentAtMs = performance.now();
      const send = (opaque: number): Buffer => {
        const bytes = Buffer.allocUnsafe(half.size);
        half.write(bytes, 0, opaque, number % job.queues, Date.now(), number);
        return bytes;
      };
      requests.request(send, ({ code, remark, extFields }) => {
        if (code !== 0) {
          meter.refusal(code, remark);
          next();
          return;
        }
        const key = half.keyText(number);
        requests.request(
          (opaque) => commitFrame(job, opaque, key, extFields),
          (answer) => {
            if (answer.code === 0) meter.count(1, performance.now() - sentAtMs);
            else meter.refusal(answer.code, answer.remark);
            next();
          },
        );
      });
    };
    for (let slot = 0; slot < job.depth; slot++) next();
  });
}

function commitFrame(
  { group, topic, brokerName }: TransactionJob,
  opaque: number,
  key: string,
  half: Readonly<Record<string, string>>,
): Buffer {
  return requestFrame(CODE_END_TRANSACTION, opaque, {
    producerGroup: group,
    bname: brokerName,
    // The second half of an offset id is the place in the log.
    commitLogOffset: String(Number.parseInt((half['msgId'] ?? '').slice(-16), 16)),
    topic,
    msgId: key,
    tranStateTableOffset: half['queueOffset'] ?? '',
    commitOrRollback: String(COMMIT),
    transactionId: key,
    fromTransactionCheck: 'false',
  });
}
