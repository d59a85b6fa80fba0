import type { Answer } from './answer.ts';
import { closedLoops } from './closed-loops.ts';
import type { JobResult, PopJob } from './job.ts';
import type { Meter } from './meter.ts';
import type { PopPlace } from './pop-frame.ts';
import { ackFrame, batchAckFrame, popFrame, poppedParts } from './pop-frame.ts';
import { eachRecord } from './pull-frame.ts';
import type { RequestSocket } from './request-socket.ts';

const POLL_MS = 1_000;
const POLLING_FULL = 209;
const POLLING_TIMEOUT = 210;

/** A closed loop of pops: messages, acknowledgement of all of them, the next pop. */
export function pop(job: PopJob): Promise<JobResult> {
  const stock = new Stock(job);
  return closedLoops(job, (requests, meter) => {
    const loop = new PopLoop(job, requests, meter, stock);
    stock.loops.push(loop);
    loop.next();
  });
}

const counters = { group: 0 };

/** The messages of a topic, again and again: a group that has had them all is followed by a new one. */
class Stock {
  readonly loops: PopLoop[] = [];
  readonly #job: PopJob;
  #left: number;
  place: PopPlace;

  constructor(job: PopJob) {
    this.#job = job;
    this.#left = job.stock;
    this.place = this.#newPlace();
  }

  /** False: the group has had more than there is. */
  take(messages: number): boolean {
    this.#left -= messages;
    if (this.#left > 0) return true;
    const wasExact = this.#left === 0;
    this.#left = this.#job.stock;
    this.place = this.#newPlace();
    for (const loop of this.loops) loop.leave();
    return wasExact;
  }

  #newPlace(): PopPlace {
    const { topic, brokerName } = this.#job;
    return { topic, brokerName, group: `bench-pop-${process.pid}-${counters.group++}` };
  }
}

class PopLoop {
  readonly #job: PopJob;
  readonly #requests: RequestSocket;
  readonly #meter: Meter;
  readonly #stock: Stock;
  /** The group whose messages are waited for. */
  #awaited: PopPlace | undefined;

  constructor(job: PopJob, requests: RequestSocket, meter: Meter, stock: Stock) {
    this.#job = job;
    this.#requests = requests;
    this.#meter = meter;
    this.#stock = stock;
  }

  next(): void {
    if (this.#requests.isFinishing) return;
    const { place } = this.#stock;
    const sentAtMs = performance.now();
    this.#awaited = place;
    this.#requests.request(
      (opaque) => popFrame(place, this.#job.batch, POLL_MS, opaque),
      (answer, bytes, start, end) => {
        const isAwaited = this.#awaited === place;
        if (answer.code === 0) {
          if (!isAwaited) this.#meter.error('a group was given more messages than there are');
          this.#awaited = undefined;
          this.#found(place, answer, eachRecord(bytes, start, end), sentAtMs);
        } else if (answer.code === POLLING_TIMEOUT || answer.code === POLLING_FULL) {
          if (isAwaited) this.next();
        } else {
          this.#meter.refusal(answer.code, answer.remark);
        }
      },
    );
  }

  /** Its group has had everything: what is still parked for it will bring nothing, and is not waited for. */
  leave(): void {
    if (this.#awaited === undefined) return;
    this.next();
    this.#requests.flush();
  }

  #found(place: PopPlace, { extFields }: Answer, messages: number, sentAtMs: number): void {
    const parts = poppedParts(extFields);
    const offsets = parts.reduce((sum, part) => sum + part.offsets.length, 0);
    if (offsets !== messages) this.#meter.error('a pop brought messages without their places');
    if (!this.#stock.take(messages)) this.#meter.error('a group was given more messages than there are');
    let left = 0;
    const acknowledge = (count: number, frame: (opaque: number) => Buffer): void => {
      left++;
      this.#requests.request(frame, ({ code, remark }) => {
        if (code === 0) this.#meter.count(count, performance.now() - sentAtMs);
        else this.#meter.refusal(code, remark);
        if (--left === 0) this.next();
      });
    };
    if (this.#job.ack === 'batch') {
      acknowledge(messages, (opaque) => batchAckFrame(place, extFields, parts, opaque));
      return;
    }
    for (const part of parts) {
      for (const offset of part.offsets)
        acknowledge(1, (opaque) => ackFrame(place, extFields, part, offset, opaque));
    }
  }
}
