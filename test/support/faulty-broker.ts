// A whole broker on a disk and a settings store that can fail, with clients on a memory network.
import { Broker } from '@cometmq/broker/broker';
import { MqError } from '@cometmq/common/error/mq-error';
import { silentLogger } from '@cometmq/common/logging/logger';
import type { Logger } from '@cometmq/common/logging/logger';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import type { StoredMessage } from '@cometmq/common/message/message';
import { encodeProperties } from '@cometmq/common/message/properties';
import {
  PullFlag,
  PullMessageHeader,
  PullMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/pull';
import { SendMessageHeaderV2 } from '@cometmq/remoting/protocol/header/send';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { FaultyDisk } from './faulty-disk.ts';
import type { FaultyKeyValueStore } from './faulty-key-value-store.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryNet } from './memory-net.ts';
import { SeededRandom } from './seeded-random.ts';

export const BROKER_PORT = 10_911;
const SEGMENT_SIZE = 1024 * 1024;
const STEP_MS = 20;
const LIMIT_MS = 30_000;
const ANSWER_MS = 10_000;

export interface PullResult {
  readonly code: number;
  readonly messages: readonly StoredMessage[];
  readonly nextOffset: number;
}

export class FaultyBroker {
  readonly clock = new ManualClock();
  /** What was logged as an error. */
  readonly errors: string[] = [];
  readonly #net = new MemoryNet(this.clock);
  readonly #broker: Broker;
  #channel: RemotingChannel | undefined;
  #uniqueKeys = 0;

  constructor(disk: FaultyDisk, kv: FaultyKeyValueStore, flush: 'sync' | 'async') {
    this.#broker = new Broker({
      net: this.#net,
      clock: this.clock,
      disk,
      random: new SeededRandom(),
      processes: { ownId: 4711, isAlive: () => false, identityOf: () => undefined },
      log: this.#logger(),
      dataDir: '/data',
      openKeyValueStore: () => kv,
      config: { port: BROKER_PORT, flush, segmentSizeBytes: SEGMENT_SIZE, logSizeMaxBytes: 3 * SEGMENT_SIZE },
    });
  }

  async start(): Promise<void> {
    await this.during(this.#broker.start());
    await this.#net.connect('127.0.0.1', BROKER_PORT, 1_000, (stream) => {
      this.#channel = new RemotingChannel(stream, {
        clock: this.clock,
        log: silentLogger,
        handleRequest: () => undefined,
      });
      return this.#channel;
    });
  }

  async stop(): Promise<void> {
    await this.during(this.#broker.stop());
  }

  /** Asks and lets time pass until the answer is there. No answer at all is an error of the kind `TIMEOUT`. */
  ask(code: number, extFields?: Request['extFields'], body?: Buffer): Promise<RemotingCommand> {
    if (this.#channel === undefined)
      return Promise.reject(new MqError('INTERNAL', 'the broker was not started'));
    return this.#channel.invoke({ code, extFields, body }, ANSWER_MS);
  }

  send(
    topic: string,
    body: Buffer,
    { queueId = 0, sysFlag = 0, properties = {}, isBatch = false }: SendDetails = {},
  ): Promise<RemotingCommand> {
    const all = { UNIQ_KEY: `key${String(this.#uniqueKeys++).padStart(20, '0')}`, ...properties };
    return this.ask(
      isBatch ? RequestCode.SEND_BATCH_MESSAGE : RequestCode.SEND_MESSAGE_V2,
      SendMessageHeaderV2.encode({
        a: 'producers',
        b: topic,
        c: 'TBW102',
        d: 4,
        e: queueId,
        f: sysFlag,
        g: this.clock.now(),
        h: 0,
        i: encodeProperties(new Map(Object.entries(all))),
        j: 0,
        k: false,
        m: isBatch,
      }),
      body,
    );
  }

  async pull(topic: string, queueId: number, offset: number, waitMs = 0): Promise<PullResult> {
    const answer = await this.ask(
      RequestCode.PULL_MESSAGE,
      PullMessageHeader.encode({
        consumerGroup: 'readers',
        topic,
        queueId,
        queueOffset: offset,
        maxMsgNums: 32,
        sysFlag: PullFlag.SUBSCRIPTION | (waitMs > 0 ? PullFlag.SUSPEND : 0),
        commitOffset: 0,
        suspendTimeoutMillis: waitMs,
        subVersion: 1,
        subscription: '*',
        expressionType: 'TAG',
      }),
    );
    const { code } = answer;
    const nextOffset =
      answer.extFields?.['nextBeginOffset'] === undefined
        ? offset
        : PullMessageResponseHeader.decode(answer.extFields).nextBeginOffset;
    const messages = code === ResponseCode.SUCCESS ? decodeMessages(answer.body ?? Buffer.alloc(0)) : [];
    return { code, messages, nextOffset };
  }

  /** Runs something that needs time to pass. */
  async during<T>(work: Promise<T>): Promise<T> {
    const state = { done: false };
    const settled = work.finally(() => {
      state.done = true;
    });
    settled.catch(() => undefined);
    for (let passedMs = 0; passedMs <= LIMIT_MS; passedMs += STEP_MS) {
      await this.clock.settle();
      if (state.done) return settled;
      await this.clock.advance(STEP_MS);
    }
    throw new Error(`not done within ${LIMIT_MS} ms of the clock`);
  }

  #logger(): Logger {
    const logger: Logger = {
      ...silentLogger,
      error: (fields, text) => void this.errors.push(`${text}: ${JSON.stringify(fields)}`),
      child: () => logger,
    };
    return logger;
  }
}

export interface SendDetails {
  readonly queueId?: number;
  readonly sysFlag?: number;
  readonly properties?: Readonly<Record<string, string>>;
  readonly isBatch?: boolean;
}
