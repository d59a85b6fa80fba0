import type { Answer } from './answer.ts';
import { readAnswer } from './answer.ts';
import type { FrameListener } from './frame-socket.ts';
import { FrameSocket } from './frame-socket.ts';
import type { Meter } from './meter.ts';
import { OPAQUE_COUNT, OPAQUE_MIN } from './send-frame.ts';

/** The answer's frame lies in [start, end) of `bytes`, during the call only. */
export type AnswerHandler = (answer: Answer, bytes: Buffer, start: number, end: number) => void;

/** A connection whose answers lead to further requests. Those that one read sets free leave in one write. */
export class RequestSocket implements FrameListener {
  readonly #meter: Meter;
  readonly #waiting = new Map<number, AnswerHandler>();
  readonly #frames: Buffer[] = [];
  #socket: FrameSocket | undefined;
  #number = 0;
  #isFinishing = false;

  private constructor(meter: Meter) {
    this.#meter = meter;
  }

  static async open(port: number, meter: Meter): Promise<RequestSocket> {
    const self = new RequestSocket(meter);
    self.#socket = await FrameSocket.open(port, self);
    return self;
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Nothing new is to be begun; what has begun goes on to its end. */
  get isFinishing(): boolean {
    return this.#isFinishing;
  }

  finish(): void {
    this.#isFinishing = true;
  }

  /** Leaves with the next `flush`, or when the read during which it was asked for is done. */
  request(frame: (opaque: number) => Buffer, handle: AnswerHandler): void {
    const opaque = OPAQUE_MIN + (this.#number++ % OPAQUE_COUNT);
    this.#waiting.set(opaque, handle);
    this.#frames.push(frame(opaque));
  }

  flush(): void {
    if (this.#frames.length === 0) return;
    this.#socket?.write(Buffer.concat(this.#frames));
    this.#frames.length = 0;
  }

  close(): void {
    for (let left = this.#waiting.size; left > 0; left--) this.#meter.error('no answer');
    this.#socket?.close();
  }

  frame(bytes: Buffer, start: number, end: number): void {
    const answer = readAnswer(bytes, start, end, true);
    if (answer === undefined) return;
    const handle = this.#waiting.get(answer.opaque);
    if (handle === undefined) {
      this.#meter.error('an answer to nothing that was asked');
      return;
    }
    this.#waiting.delete(answer.opaque);
    handle(answer, bytes, start, end);
  }

  batchEnd(): void {
    this.flush();
  }

  closed(reason: string): void {
    this.#meter.error(`connection lost: ${reason}`);
    this.#isFinishing = true;
    this.#waiting.clear();
  }
}
