import { readAnswer } from './answer.ts';
import { FrameSocket } from './frame-socket.ts';
import type { FrameListener } from './frame-socket.ts';
import type { Filter, JobResult, PullJob } from './job.ts';
import { Meter } from './meter.ts';
import { PullCode, eachRecord, pullFrame } from './pull-frame.ts';
import { window } from './window.ts';

/** A closed loop of pulls: each connection reads one queue from its beginning, over and over. */
export async function pull(job: PullJob): Promise<JobResult> {
  const meter = new Meter(job.serverPid);
  const loops: PullLoop[] = [];
  for (let index = 0; index < job.connections; index++) loops.push(await PullLoop.open(job, index, meter));
  for (const loop of loops) loop.start();
  await window(job, meter);
  for (const loop of loops) loop.close();
  return meter.result();
}

class PullLoop implements FrameListener {
  readonly #job: PullJob;
  readonly #queueId: number;
  readonly #group: string;
  readonly #meter: Meter;
  #socket: FrameSocket | undefined;
  #opaque = 1;
  #offset = 0;
  #sentAtMs = 0;
  #matches = 0;
  #isReady = false;

  private constructor(job: PullJob, index: number, meter: Meter) {
    this.#job = job;
    this.#queueId = index % job.queues;
    this.#group = `bench-reader-${index}`;
    this.#meter = meter;
  }

  static async open(job: PullJob, index: number, meter: Meter): Promise<PullLoop> {
    const loop = new PullLoop(job, index, meter);
    loop.#socket = await FrameSocket.open(job.port, loop);
    return loop;
  }

  start(): void {
    const { topic, batch } = this.#job;
    const frame = pullFrame({
      topic,
      group: this.#group,
      queueId: this.#queueId,
      offset: this.#offset,
      batch,
      opaque: ++this.#opaque,
      sql: this.#job.filter?.expression,
    });
    this.#sentAtMs = performance.now();
    this.#socket?.write(frame);
  }

  close(): void {
    this.#socket?.close();
  }

  frame(bytes: Buffer, start: number, end: number): void {
    const { filter } = this.#job;
    const answer = readAnswer(bytes, start, end, filter !== undefined);
    if (answer === undefined) return;
    this.#isReady = true;
    if (answer.opaque !== this.#opaque) this.#meter.error('an answer to nothing that was asked');
    if (filter !== undefined && answer.code === PullCode.RETRY_IMMEDIATELY) {
      // A part of the queue in which nothing matches.
      this.#goOn(filter, Number(answer.extFields['nextBeginOffset']));
      return;
    }
    if (answer.code !== PullCode.FOUND) {
      // Some answers say no and stay no; going on would only count the same again.
      this.#meter.refusal(answer.code, answer.remark);
      this.#isReady = answer.code === PullCode.RETRY_IMMEDIATELY;
      return;
    }
    const { batch, queueLength } = this.#job;
    const messages = eachRecord(bytes, start, end);
    // Java stops a little early when records lie apart; ours must fill the batch as long as the size allows.
    if (messages === 0) this.#meter.error('a pull answer without messages');
    this.#meter.count(messages, performance.now() - this.#sentAtMs);
    if (filter !== undefined) {
      this.#matches += messages;
      this.#goOn(filter, Number(answer.extFields['nextBeginOffset']));
      return;
    }
    this.#offset += messages;
    if (this.#offset + batch > queueLength) this.#offset = 0;
  }

  #goOn({ share }: Filter, nextOffset: number): void {
    const { queueLength } = this.#job;
    if (!(nextOffset > this.#offset)) this.#meter.error('a filtered pull that leads nowhere');
    this.#offset = nextOffset;
    if (nextOffset < queueLength) return;
    if (Math.abs(this.#matches - queueLength * share) > 1)
      this.#meter.error(`the filter let ${this.#matches} of ${queueLength} messages through`);
    this.#offset = this.#matches = 0;
  }

  batchEnd(): void {
    if (!this.#isReady) return;
    this.#isReady = false;
    this.start();
  }

  closed(reason: string): void {
    this.#meter.error(`connection lost: ${reason}`);
  }
}
