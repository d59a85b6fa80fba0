import { setInterval as ticks, setTimeout as sleep } from 'node:timers/promises';
import { readAnswer } from './answer.ts';
import { FrameSocket } from './frame-socket.ts';
import type { FrameListener } from './frame-socket.ts';
import type { JobResult, LatencyJob } from './job.ts';
import { Meter } from './meter.ts';
import { PullCode, eachRecord, maxOffsetFrame, pullFrame } from './pull-frame.ts';
import { OPAQUE_COUNT, OPAQUE_MIN, SendFrame } from './send-frame.ts';

const BATCH = 32;
const LAST_ANSWERS_MS = 200;

/** An open loop: messages at a fixed rate, to consumers whose pulls are parked at the end of every queue. */
export async function latency(job: LatencyJob): Promise<JobResult> {
  const meter = new Meter(job.serverPid);
  const consumers: Consumer[] = [];
  for (let index = 0; index < job.groups; index++)
    consumers.push(await Consumer.open(job, `bench-group-${index}`, meter));
  for (const consumer of consumers) consumer.start();
  const producer = await Producer.open(job, meter);
  const running = producer.run();
  const delayMs = job.timed?.delayMs ?? 0;
  await sleep(job.warmupMs + delayMs);
  meter.begin();
  await sleep(job.measureMs);
  meter.end();
  producer.stop();
  await running;
  // The last answers may still be under way; they are outside the window, but their errors count.
  await sleep(delayMs + LAST_ANSWERS_MS);
  for (const end of [producer, ...consumers]) end.close();
  return meter.result();
}

/** Sends with the time in the first eight bytes of the body: of sending, or when the message is due. */
class Producer implements FrameListener {
  readonly #job: LatencyJob;
  readonly #frame: SendFrame;
  readonly #meter: Meter;
  #socket: FrameSocket | undefined;
  #isStopped = false;
  #sent = 0;

  private constructor(job: LatencyJob, meter: Meter) {
    this.#job = job;
    this.#meter = meter;
    const { topic, brokerName, bodySize } = job;
    const options = {
      topic,
      group: 'bench-producer',
      bodySize,
      serialization: 'json',
      batchMembers: 0,
      brokerName,
      deliverAfterMs: job.timed?.delayMs ?? 0,
    } as const;
    this.#frame = new SendFrame(options, `7F000001${Date.now().toString(16).slice(-8).toUpperCase()}`);
  }

  static async open(job: LatencyJob, meter: Meter): Promise<Producer> {
    const producer = new Producer(job, meter);
    producer.#socket = await FrameSocket.open(job.port, producer);
    return producer;
  }

  async run(): Promise<void> {
    const startMs = performance.now();
    for await (const _ of ticks(1)) {
      if (this.#isStopped) return;
      const due = Math.floor(((performance.now() - startMs) * this.#job.messagesPerSecond) / 1000);
      while (this.#sent < due) this.#send();
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  close(): void {
    this.#socket?.close();
  }

  frame(bytes: Buffer, start: number, end: number): void {
    const answer = readAnswer(bytes, start, end);
    if (answer !== undefined && answer.code !== 0) this.#meter.refusal(answer.code, answer.remark);
  }

  batchEnd(): void {
    // Answers set nothing free here.
  }

  closed(reason: string): void {
    this.#meter.error(`connection lost: ${reason}`);
    this.#isStopped = true;
  }

  #send(): void {
    const number = this.#sent++;
    const bytes = Buffer.allocUnsafe(this.#frame.size);
    const bornTimestamp = Date.now();
    const { timed } = this.#job;
    this.#frame.write(
      bytes,
      0,
      OPAQUE_MIN + (number % OPAQUE_COUNT),
      number % this.#job.queues,
      bornTimestamp,
      number,
    );
    // A due time is one of the clock that the server goes by.
    const time = timed === undefined ? performance.now() : bornTimestamp + timed.delayMs;
    bytes.writeDoubleBE(time, this.#frame.bodyAt);
    this.#socket?.write(bytes);
  }
}

/** One group: asks where the queues end, then keeps a pull on each. The opaque says which queue an answer is for. */
class Consumer implements FrameListener {
  readonly #job: LatencyJob;
  readonly #group: string;
  readonly #meter: Meter;
  readonly #offsets = new Map<number, number>();
  #socket: FrameSocket | undefined;

  private constructor(job: LatencyJob, group: string, meter: Meter) {
    this.#job = job;
    this.#group = group;
    this.#meter = meter;
  }

  static async open(job: LatencyJob, group: string, meter: Meter): Promise<Consumer> {
    const consumer = new Consumer(job, group, meter);
    consumer.#socket = await FrameSocket.open(job.port, consumer);
    return consumer;
  }

  start(): void {
    for (let queueId = 0; queueId < this.#job.queues; queueId++) {
      this.#socket?.write(maxOffsetFrame(this.#job.topic, queueId, queueId));
    }
  }

  close(): void {
    this.#socket?.close();
  }

  frame(bytes: Buffer, start: number, end: number): void {
    const answer = readAnswer(bytes, start, end, true);
    if (answer === undefined) return;
    const queueId = answer.opaque;
    const { code, remark, extFields } = answer;
    const offset = this.#offsets.get(queueId);
    if (offset === undefined) {
      if (code !== 0) this.#meter.refusal(code, remark);
      this.#offsets.set(queueId, Number(extFields['offset'] ?? 0));
    } else if (code === PullCode.FOUND) {
      const { timed } = this.#job;
      const nowMs = timed === undefined ? performance.now() : Date.now();
      const messages = eachRecord(bytes, start, end, (at) => {
        const lateMs = nowMs - bytes.readDoubleBE(at);
        if (timed !== undefined && lateMs < -timed.earlyMs) this.#meter.error('a timed message came early');
        this.#meter.count(1, Math.abs(lateMs));
      });
      this.#offsets.set(queueId, offset + messages);
    } else if (code !== PullCode.NOT_FOUND && code !== PullCode.RETRY_IMMEDIATELY) {
      this.#meter.refusal(code, remark);
      return;
    }
    this.#pull(queueId);
  }

  batchEnd(): void {
    // Each answer has been followed by its next pull already.
  }

  closed(reason: string): void {
    this.#meter.error(`connection lost: ${reason}`);
  }

  #pull(queueId: number): void {
    const { topic } = this.#job;
    const offset = this.#offsets.get(queueId) ?? 0;
    this.#socket?.write(
      pullFrame({ topic, group: this.#group, queueId, offset, batch: BATCH, opaque: queueId }),
    );
  }
}
