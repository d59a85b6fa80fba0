import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { BodySpec } from './bodies.ts';
import { driverCommand, type Flavour } from './flavours.ts';
import { logFile } from './paths.ts';
import { reaper } from './reaper.ts';
import { waitUntil } from './wait.ts';

export interface SendResult {
  readonly status: string;
  readonly msgId: string;
  readonly queueId: number;
  readonly broker: string;
  readonly queueOffset: number;
  /** Java 5.4.0, of timed messages. */
  readonly recallHandle?: string;
}

export interface ReceivedMessage {
  readonly consumer: string;
  readonly topic: string;
  readonly msgId: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly broker: string;
  readonly reconsumeTimes: number;
  readonly tag: string | null | undefined;
  readonly keys: string | null | undefined;
  readonly bornTs: number;
  /** When the client's listener was called. */
  readonly ts: number;
  readonly size: number;
  readonly storeSize: number;
  readonly sha: string;
  /** Bodies up to 2048 bytes. */
  readonly text?: string;
  readonly failing: boolean;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface TransactionalMessage extends OutgoingMessage {
  /** What the local transaction does; `hang`: it never ends. */
  readonly decide: 'commit' | 'rollback' | 'unknown' | 'hang';
  /** What any member of the group answers when the broker asks (`unknown`). */
  readonly answers?: 'commit' | 'rollback' | 'unknown';
}

export interface TransactionLoad {
  readonly group: string;
  readonly namesrv: string;
  readonly topic: string;
  /** Body of message n: this and n; the last digit of n says what becomes of it (see TransactionLoad.java). */
  readonly prefix: string;
  readonly count: number;
  readonly threads: number;
}

export interface TransactionCounts {
  readonly sent: number;
  readonly failed: number;
  /** Questions of the broker. */
  readonly checks: number;
  /** Of these, about transactions that were decided. */
  readonly unexpected: number;
  /** Of these, about transactions that an earlier question had decided. */
  readonly duplicate: number;
}

/** A transaction listener was called: for the local transaction, or because the broker asked. */
export interface Decided {
  readonly event: 'local' | 'check';
  readonly producer: string;
  readonly topic: string;
  readonly text: string;
  readonly says: string;
  readonly ts: number;
  readonly msgId?: string;
  readonly transactionId?: string;
}

/** n of the flow, broker name, queue, offset in the queue */
export type Acked = readonly [n: number, broker: string, queueId: number, queueOffset: number];

export interface FlowStatus {
  readonly acked: number;
  readonly failed: number;
  readonly lastError?: string;
}

export interface OutgoingMessage {
  readonly body: BodySpec;
  readonly tag?: string;
  readonly keys?: string;
  readonly shardingKey?: string;
  readonly queueId?: number;
  readonly delayLevel?: number;
  /** Java 5.4.0. */
  readonly timerDelayMs?: number;
  readonly timerDeliverMs?: number;
  readonly properties?: Readonly<Record<string, string>>;
}

export interface ProducerOptions {
  readonly sendTimeoutMs?: number;
  readonly maxMessageSize?: number;
  readonly compressOver?: number;
  readonly compressType?: 'ZLIB' | 'LZ4' | 'ZSTD';
  readonly retries?: number;
}

export interface ConsumerOptions {
  readonly group: string;
  readonly topic: string;
  readonly expression?: string;
  readonly expressionType?: 'TAG' | 'SQL92';
  readonly model?: 'clustering' | 'broadcasting';
  readonly mode?: 'concurrent' | 'orderly';
  readonly fromWhere?: 'first' | 'last';
  /** The first so many attempts at each body fail; -1: all. */
  readonly failTimes?: number;
  readonly maxReconsumeTimes?: number;
  readonly delayMs?: number;
  /** Java 5.4.0: the broker shares out the queues, and says whether to pull or to pop. */
  readonly brokerRebalance?: boolean;
  /** Java 5.4.0: lease of popped messages, 5,000 to 300,000 ms. */
  readonly invisibleMs?: number;
  readonly withProperties?: boolean;
}

export interface FlowOptions {
  readonly topic: string;
  readonly prefix: string;
  readonly perSecond: number;
  readonly outstanding: number;
  readonly size?: number;
  readonly count?: number;
  /** Sends message n with sharding key `s{n % shards}`. */
  readonly shards?: number;
}

/** The client answered with an error; `code` is the broker's response code where the client tells it. */
export class DriverError extends Error {
  readonly code: number | undefined;

  constructor(message: string, code: number | undefined) {
    super(message);
    this.code = code;
  }
}

interface Pending {
  readonly resolve: (answer: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

/** One process with real RocketMQ clients in it, driven over JSON lines (see README.md). */
export class Driver {
  readonly flavour: Flavour;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #messages = new Map<string, ReceivedMessage[]>();
  readonly #decisions: Decided[] = [];
  #nextId = 1;
  #gone: Error | undefined;

  /** The label names the log file; `extraEnv` is for the client alone. */
  constructor(flavour: Flavour, label: string = flavour, extraEnv: Readonly<Record<string, string>> = {}) {
    this.flavour = flavour;
    const { command, args, env } = driverCommand(flavour, label);
    const log = openSync(logFile(`driver-${label}`), 'w');
    this.#child = spawn(command, args, {
      stdio: ['pipe', 'pipe', log],
      env: { ...process.env, ...env, ...extraEnv },
    });
    closeSync(log);
    reaper.watch(this.#child);
    this.#child.stdin?.on('error', () => undefined);
    this.#child.once('error', (error) => this.#end(error));
    this.#child.once('exit', (code, signal) =>
      this.#end(new Error(`driver ${label} ended: ${code ?? signal}`)),
    );
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.#take(line),
    );
  }

  get alive(): boolean {
    return this.#gone === undefined;
  }

  request(op: string, parameters: object = {}, timeoutMs = 60_000): Promise<Record<string, unknown>> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`${this.flavour} did not answer ${op} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(id, {
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#child.stdin?.write(`${JSON.stringify({ ...parameters, id, op })}\n`);
    });
  }

  async startProducer(producer: string, namesrv: string, options: ProducerOptions = {}): Promise<void> {
    await this.request('producer.start', { producer, group: `PG_${producer}`, namesrv, ...options });
  }

  async stopProducer(producer: string): Promise<void> {
    await this.request('producer.stop', { producer });
  }

  async send(
    producer: string,
    topic: string,
    message: OutgoingMessage,
    kind: 'sync' | 'async' | 'oneway' = 'sync',
  ): Promise<SendResult> {
    return (await this.request('send', { producer, topic, kind, ...message })) as unknown as SendResult;
  }

  /** Takes a timed message back; the unique key of the message. */
  async recall(producer: string, topic: string, handle: string): Promise<string> {
    return String((await this.request('recall', { producer, topic, handle }))['msgId']);
  }

  async sendBatch(
    producer: string,
    topic: string,
    messages: readonly OutgoingMessage[],
  ): Promise<SendResult> {
    return (await this.request('sendBatch', { producer, topic, messages })) as unknown as SendResult;
  }

  async startTransactionProducer(producer: string, group: string, namesrv: string): Promise<void> {
    await this.request('transaction.start', { producer, group, namesrv });
  }

  async sendInTransaction(
    producer: string,
    topic: string,
    message: TransactionalMessage,
  ): Promise<SendResult> {
    return (await this.request('transaction.send', { producer, topic, ...message })) as unknown as SendResult;
  }

  /** Runs many transactions and resolves when the last one is sent (Java). */
  async runTransactionLoad(producer: string, options: TransactionLoad): Promise<TransactionCounts> {
    const answer = await this.request('transaction.load', { producer, ...options }, 400_000);
    return answer as unknown as TransactionCounts;
  }

  async transactionCounts(producer: string): Promise<TransactionCounts> {
    return (await this.request('transaction.load.status', { producer })) as unknown as TransactionCounts;
  }

  async stopTransactionLoad(producer: string): Promise<void> {
    await this.request('transaction.load.stop', { producer });
  }

  /** Calls of transaction listeners so far, for one message. */
  decisions(topic: string, text: string): readonly Decided[] {
    return this.#decisions.filter((d) => d.topic === topic && d.text === text);
  }

  async startConsumer(consumer: string, namesrv: string, options: ConsumerOptions): Promise<void> {
    if (!this.#messages.has(consumer)) this.#messages.set(consumer, []);
    await this.request('consumer.start', { consumer, namesrv, fromWhere: 'first', ...options });
  }

  async stopConsumer(consumer: string): Promise<void> {
    await this.request('consumer.stop', { consumer });
  }

  /** Queues of one topic that a consumer holds now, as `broker:queueId`. */
  async assigned(consumer: string, topic: string): Promise<string[]> {
    const { queues } = (await this.request('consumer.assigned', { consumer })) as { queues: string[] };
    const start = `${topic}@`;
    return queues.filter((q) => q.startsWith(start)).map((q) => q.slice(start.length));
  }

  async startFlow(flow: string, producer: string, options: FlowOptions): Promise<void> {
    await this.request('flow.start', { flow, producer, ...options });
  }

  async flowStatus(flow: string): Promise<FlowStatus> {
    return (await this.request('flow.status', { flow })) as unknown as FlowStatus;
  }

  async stopFlow(flow: string): Promise<FlowStatus & { readonly list: Acked[] }> {
    return (await this.request('flow.stop', { flow })) as unknown as FlowStatus & { list: Acked[] };
  }

  /** What mqadmin printed (only in the 5.4.0 driver). */
  async mqadmin(args: readonly string[], limitMs = 60_000): Promise<string> {
    const answer = await this.request('mqadmin', { args, limitMs }, limitMs + 10_000);
    return answer['output'] as string;
  }

  messages(consumer: string): readonly ReceivedMessage[] {
    return this.#messages.get(consumer) ?? [];
  }

  texts(consumer: string): string[] {
    return this.messages(consumer).map((m) => m.text ?? '');
  }

  /** Waits until the messages so far satisfy `enough`, and returns them. */
  waitForMessages(
    consumer: string,
    what: string,
    enough: (messages: readonly ReceivedMessage[]) => boolean,
    deadlineMs = 60_000,
  ): Promise<readonly ReceivedMessage[]> {
    return waitUntil(
      () => `${this.flavour} ${consumer}: ${what}; ${this.messages(consumer).length} messages so far`,
      () => enough(this.messages(consumer)) && this.messages(consumer),
      deadlineMs,
      50,
    );
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #take(line: string): void {
    const o = JSON.parse(line) as Record<string, unknown>;
    if (o['event'] === 'message') {
      const message = o as unknown as ReceivedMessage;
      const list = this.#messages.get(message.consumer);
      if (list === undefined) this.#messages.set(message.consumer, [message]);
      else list.push(message);
      return;
    }
    if (o['event'] === 'local' || o['event'] === 'check') {
      this.#decisions.push(o as unknown as Decided);
      return;
    }
    const pending = this.#pending.get(o['id'] as number);
    this.#pending.delete(o['id'] as number);
    if (o['ok'] === true) pending?.resolve(o);
    else
      pending?.reject(
        new DriverError(`${this.flavour}: ${String(o['error'])}`, o['code'] as number | undefined),
      );
  }

  #end(error: Error): void {
    this.#gone = error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}
