import { Histogram } from '../report/histogram.ts';
import { machineBusyUs, processCpuUs } from '../report/process-usage.ts';
import type { ErrorCount, JobResult } from './job.ts';

const ERROR_KINDS_MAX = 10;

interface Usage {
  readonly atMs: number;
  readonly serverUs: number;
  readonly clientUs: number;
  readonly machineUs: number;
}

/** Counts what happens; only what happens between `begin` and `end` is part of the figures. Errors always are. */
export class Meter {
  readonly #serverPid: number | undefined;
  readonly #histogram = new Histogram();
  readonly #errors = new Map<string, number>();
  #isOpen = false;
  #messages = 0;
  #begin: Usage | undefined;
  #end: Usage | undefined;

  constructor(serverPid: number | undefined) {
    this.#serverPid = serverPid;
  }

  begin(): void {
    this.#begin = this.#usage();
    this.#isOpen = true;
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#end = this.#usage();
  }

  /** One answer that stands for `messages` messages. */
  count(messages: number, latencyMs: number): void {
    if (!this.#isOpen) return;
    this.#messages += messages;
    this.#histogram.add(latencyMs * 1000);
  }

  error(what: string): void {
    const isKnown = this.#errors.has(what) || this.#errors.size < ERROR_KINDS_MAX;
    const kind = isKnown ? what : 'other errors';
    this.#errors.set(kind, (this.#errors.get(kind) ?? 0) + 1);
  }

  /** An answer with a code that is not success. */
  refusal(code: number, remark: string): void {
    this.error(`code ${code}: ${remark.slice(0, 200)}`);
  }

  result(): JobResult {
    const errors: ErrorCount[] = [...this.#errors].map(([what, count]) => ({ what, count }));
    const { begin, end } = { begin: this.#begin, end: this.#end };
    const base = { messages: this.#messages, latency: this.#histogram.toJSON(), errors };
    if (begin === undefined || end === undefined) {
      return { ...base, seconds: 0, serverCpuUs: null, clientCpuUs: null, otherCores: null };
    }
    const elapsedMs = end.atMs - begin.atMs;
    const serverUs = end.serverUs - begin.serverUs;
    const clientUs = end.clientUs - begin.clientUs;
    const otherUs = end.machineUs - begin.machineUs - serverUs - clientUs;
    return {
      ...base,
      seconds: elapsedMs / 1000,
      serverCpuUs: serverUs,
      clientCpuUs: clientUs,
      otherCores: Math.max(0, otherUs / (elapsedMs * 1000)),
    };
  }

  #usage(): Usage {
    const { user, system } = process.cpuUsage();
    return {
      atMs: performance.now(),
      serverUs: this.#serverPid === undefined ? Number.NaN : processCpuUs(this.#serverPid),
      clientUs: user + system,
      machineUs: machineBusyUs(),
    };
  }
}
