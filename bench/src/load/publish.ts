import { setTimeout as sleep } from 'node:timers/promises';
import { readAnswer } from './answer.ts';
import { FrameSocket } from './frame-socket.ts';
import type { FrameListener } from './frame-socket.ts';
import type { JobResult, PublishJob } from './job.ts';
import { Meter } from './meter.ts';
import { OPAQUE_COUNT, OPAQUE_MIN, SendFrame } from './send-frame.ts';
import { keyPrefix } from './unique-key.ts';
import { until, window } from './window.ts';

const DRAIN_MS = 10_000;

/** What the connections of one job have sent together. */
interface Progress {
  sent: number;
}

/** Numbers that must differ between all connections of a process. */
const counters = { key: 0, message: 0 };

/** A closed loop of sends: each answer lets the next request go. */
export async function publish(job: PublishJob): Promise<JobResult> {
  const meter = new Meter(job.serverPid);
  const frame = new SendFrame(job, keyPrefix());
  const progress = { sent: 0 };
  const loops: PublishLoop[] = [];
  for (let index = 0; index < job.connections; index++)
    loops.push(await PublishLoop.open(job, frame, meter, progress));
  for (const loop of loops) loop.start();
  if (job.stopAfter > 0) await until(() => loops.every((loop) => loop.isIdle), 120_000);
  else await window(job, meter);
  for (const loop of loops) loop.finish();
  await until(() => loops.every((loop) => loop.isIdle), DRAIN_MS);
  for (const loop of loops) loop.close();
  // What the server still does about the messages is not to disturb the next one that is measured.
  await sleep(job.settleMs ?? 0);
  return meter.result();
}

/** One connection with `depth` requests outstanding. The requests that one read sets free leave in one write. */
class PublishLoop implements FrameListener {
  readonly #job: PublishJob;
  readonly #frame: SendFrame;
  readonly #meter: Meter;
  readonly #progress: Progress;
  readonly #sentAtMs: Float64Array;
  /** Opaque that each slot waits for; 0: none. */
  readonly #awaited: Int32Array;
  readonly #freeSlots: number[] = [];
  #generation = 0;
  #socket: FrameSocket | undefined;
  #outstanding = 0;
  #isFinishing = false;
  #isBroken = false;
  #nowMs = 0;

  private constructor(job: PublishJob, frame: SendFrame, meter: Meter, progress: Progress) {
    this.#progress = progress;
    this.#job = job;
    this.#frame = frame;
    this.#meter = meter;
    this.#sentAtMs = new Float64Array(job.depth);
    this.#awaited = new Int32Array(job.depth);
  }

  static async open(
    job: PublishJob,
    frame: SendFrame,
    meter: Meter,
    progress: Progress,
  ): Promise<PublishLoop> {
    const loop = new PublishLoop(job, frame, meter, progress);
    loop.#socket = await FrameSocket.open(job.port, loop);
    return loop;
  }

  get isIdle(): boolean {
    return this.#outstanding === 0;
  }

  start(): void {
    for (let slot = 0; slot < this.#job.depth; slot++) this.#freeSlots.push(slot);
    this.batchEnd();
  }

  finish(): void {
    this.#isFinishing = true;
  }

  close(): void {
    for (let left = this.#outstanding; left > 0; left--) this.#meter.error('no answer');
    this.#socket?.close();
  }

  frame(bytes: Buffer, start: number, end: number): void {
    const answer = readAnswer(bytes, start, end);
    if (answer === undefined || this.#isBroken) return;
    const slot = (answer.opaque - OPAQUE_MIN) % this.#job.depth;
    if (this.#awaited[slot] !== answer.opaque) {
      this.#stop('an answer to nothing that was asked');
      return;
    }
    if (this.#nowMs === 0) this.#nowMs = performance.now();
    this.#awaited[slot] = 0;
    this.#outstanding--;
    this.#freeSlots.push(slot);
    if (answer.code === 0) this.#meter.count(this.#frame.messages, this.#nowMs - (this.#sentAtMs[slot] ?? 0));
    else this.#meter.refusal(answer.code, answer.remark);
  }

  batchEnd(): void {
    this.#nowMs = 0;
    const { stopAfter } = this.#job;
    const left =
      stopAfter === 0 ? Infinity : Math.ceil((stopAfter - this.#progress.sent) / this.#frame.messages);
    const count = this.#isFinishing ? 0 : Math.min(this.#freeSlots.length, left);
    if (count > 0) this.#send(count);
  }

  closed(reason: string): void {
    this.#stop(`connection lost: ${reason}`);
  }

  #stop(what: string): void {
    this.#meter.error(what);
    this.#outstanding = 0;
    this.#isFinishing = this.#isBroken = true;
    this.#socket?.close();
  }

  #send(count: number): void {
    const { depth, queues } = this.#job;
    const frame = this.#frame;
    const bytes = Buffer.allocUnsafe(count * frame.size);
    const bornTimestamp = Date.now();
    const slots = this.#freeSlots.splice(0, count);
    slots.forEach((slot, index) => {
      const generations = Math.floor(OPAQUE_COUNT / depth);
      const opaque = OPAQUE_MIN + (this.#generation++ % generations) * depth + slot;
      this.#awaited[slot] = opaque;
      frame.write(
        bytes,
        index * frame.size,
        opaque,
        counters.message++ % queues,
        bornTimestamp,
        counters.key,
      );
      counters.key += frame.keys;
    });
    const nowMs = performance.now();
    for (const slot of slots) this.#sentAtMs[slot] = nowMs;
    this.#outstanding += count;
    this.#progress.sent += count * frame.messages;
    this.#socket?.write(bytes);
  }
}
