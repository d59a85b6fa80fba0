import type { HistogramData } from '../report/histogram.ts';
import type { SendFrameOptions } from './send-frame.ts';

export interface Window {
  readonly port: number;
  /** Process of the server, for its CPU time; undefined: not measured. */
  readonly serverPid: number | undefined;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface PublishJob extends Window, SendFrameOptions {
  readonly kind: 'publish';
  readonly connections: number;
  /** Requests that each connection keeps outstanding. */
  readonly depth: number;
  /** Queues that are sent to in turn, at most 10. */
  readonly queues: number;
  /** Stop after so many messages instead of after a time; 0: no limit. */
  readonly stopAfter: number;
  /** After the last answer. */
  readonly settleMs?: number;
}

export interface PullJob extends Window {
  readonly kind: 'pull';
  readonly topic: string;
  readonly connections: number;
  readonly queues: number;
  /** Messages that each queue holds at least. */
  readonly queueLength: number;
  readonly batch: number;
  readonly filter?: Filter;
}

export interface Filter {
  /** SQL92. */
  readonly expression: string;
  /** Share of each queue's messages that match; more or fewer are an error. */
  readonly share: number;
}

export interface LatencyJob extends Window {
  readonly kind: 'latency';
  readonly topic: string;
  readonly brokerName: string;
  readonly queues: number;
  /** Consumer groups, each with a connection and a parked pull on every queue. */
  readonly groups: number;
  readonly messagesPerSecond: number;
  readonly bodySize: number;
  /** Timed messages: what is measured is how far from their due time they are delivered. */
  readonly timed?: {
    readonly delayMs: number;
    /** A delivery that is earlier than this is an error. */
    readonly earlyMs: number;
  };
}

export interface TransactionJob extends Window, SendFrameOptions {
  readonly kind: 'transaction';
  readonly connections: number;
  /** Transactions that each connection keeps open. */
  readonly depth: number;
  readonly queues: number;
}

export interface OrderedJob extends Window {
  readonly kind: 'ordered';
  readonly topic: string;
  readonly brokerName: string;
  /** Consumers, each with a queue of its own. */
  readonly connections: number;
  readonly queueLength: number;
  readonly batch: number;
}

export interface PopJob extends Window {
  readonly kind: 'pop';
  readonly topic: string;
  readonly brokerName: string;
  readonly connections: number;
  readonly batch: number;
  /** Messages of the topic: when a group has had them all, a new one begins. */
  readonly stock: number;
  /** One request for each message, or one for all that a pop brought. */
  readonly ack: 'single' | 'batch';
}

export type Job = PublishJob | PullJob | LatencyJob | TransactionJob | OrderedJob | PopJob;

export interface ErrorCount {
  readonly what: string;
  readonly count: number;
}

/** What one measured window brought. */
export interface JobResult {
  /** Messages acknowledged, pulled or delivered in the window. */
  readonly messages: number;
  readonly seconds: number;
  /** µs: of a send or a pull; of a message from send to delivery in a latency job. */
  readonly latency: HistogramData;
  /** NaN arrives as null through JSON. */
  readonly serverCpuUs: number | null;
  readonly clientCpuUs: number | null;
  /** What other processes used, as a share of one core. */
  readonly otherCores: number | null;
  /** Over the whole job, warm-up included: an error is never outside the window. */
  readonly errors: readonly ErrorCount[];
}
