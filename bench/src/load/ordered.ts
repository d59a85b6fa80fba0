import { closedLoops } from './closed-loops.ts';
import type { JobResult, OrderedJob } from './job.ts';
import type { Meter } from './meter.ts';
import { PullCode, eachRecord, pullFrame } from './pull-frame.ts';
import { requestFrame } from './request-frame.ts';
import type { RequestSocket } from './request-socket.ts';

const GROUP = 'bench-ordered';
const CODE_UPDATE_CONSUMER_OFFSET = 15;
const CODE_LOCK_BATCH_MQ = 41;
/** Java's consumer renews its locks every 20 s; here they shall be seen in a round. */
const BATCHES_PER_LOCK = 64;

/**
 * Consumers in order: each locks its queue, pulls a batch, commits its offset, pulls the next. Java's consumer commits every
 * 5 s without waiting for an answer; here each batch is committed and answered, the order at its strictest.
 */
export function ordered(job: OrderedJob): Promise<JobResult> {
  return closedLoops(job, (requests, meter, queueId) => {
    new OrderedLoop(job, requests, meter, queueId).lock();
  });
}

class OrderedLoop {
  readonly #job: OrderedJob;
  readonly #requests: RequestSocket;
  readonly #meter: Meter;
  readonly #queueId: number;
  #offset = 0;
  #batches = 0;
  #beganAtMs = 0;

  constructor(job: OrderedJob, requests: RequestSocket, meter: Meter, queueId: number) {
    this.#job = job;
    this.#requests = requests;
    this.#meter = meter;
    this.#queueId = queueId;
  }

  lock(): void {
    const { topic, brokerName } = this.#job;
    const body = JSON.stringify({
      clientId: `bench-ordered-${this.#queueId}`,
      consumerGroup: GROUP,
      mqSet: [{ brokerName, queueId: this.#queueId, topic }],
      onlyThisBroker: false,
    });
    this.#requests.request(
      (opaque) => requestFrame(CODE_LOCK_BATCH_MQ, opaque, {}, body),
      ({ code, remark }, bytes, start, end) => {
        const locked = bytes.toString('utf8', start, end);
        if (code !== 0) this.#meter.refusal(code, remark);
        else if (!locked.includes(`"queueId":${this.#queueId}`)) this.#meter.error('the lock was not given');
        else this.#pull();
      },
    );
  }

  #pull(): void {
    if (this.#requests.isFinishing) return;
    const { topic, batch } = this.#job;
    const queueId = this.#queueId;
    this.#beganAtMs = performance.now();
    this.#requests.request(
      (opaque) => pullFrame({ topic, group: GROUP, queueId, offset: this.#offset, batch, opaque }),
      ({ code, remark, extFields }, bytes, start, end) => {
        if (code !== PullCode.FOUND) {
          this.#meter.refusal(code, remark);
          return;
        }
        const messages = eachRecord(bytes, start, end);
        this.#offset += messages;
        if (messages === 0 || Number(extFields['nextBeginOffset']) !== this.#offset)
          this.#meter.error('a pull left messages out');
        else this.#commit(messages);
      },
    );
  }

  #commit(messages: number): void {
    const { topic, brokerName, queueLength, batch } = this.#job;
    const fields = {
      queueId: String(this.#queueId),
      bname: brokerName,
      commitOffset: String(this.#offset),
      topic,
      consumerGroup: GROUP,
    };
    this.#requests.request(
      (opaque) => requestFrame(CODE_UPDATE_CONSUMER_OFFSET, opaque, fields),
      ({ code, remark }) => {
        if (code !== 0) {
          this.#meter.refusal(code, remark);
          return;
        }
        this.#meter.count(messages, performance.now() - this.#beganAtMs);
        if (this.#offset + batch > queueLength) this.#offset = 0;
        if (++this.#batches % BATCHES_PER_LOCK === 0) this.lock();
        else this.#pull();
      },
    );
  }
}
