import { encodeBatch } from '@cometmq/common/message/batch-codec';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import { EndTransactionHeader, SendMessageResponseHeader } from '@cometmq/remoting/protocol/header/send';
import { UpdateConsumerOffsetHeader } from '@cometmq/remoting/protocol/header/offset';
import { CreateTopicHeader, TopicHeader } from '@cometmq/remoting/protocol/header/topic';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Sent } from '../support/broker-judgement.ts';
import { QUEUES, Told, judge, readAll } from '../support/broker-judgement.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import type { Fault, Made } from '../support/faulty-disk.ts';
import { FaultyDisk, faultsOf } from '../support/faulty-disk.ts';
import { FaultyKeyValueStore, KeyValueBatches } from '../support/faulty-key-value-store.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

// A whole broker runs the same script again and again: two lives with sends of all kinds, pulls, offsets, transactions,
// settings, checkpoints, a roll of the log. Each time another call of the disk, or another write of the settings, fails.
// COMETMQ_IO_ERRORS_STEP=1 tries every call; by default every third (all are tried in three runs with an offset).

const STEP = Number(process.env['COMETMQ_IO_ERRORS_STEP'] ?? 3);
const FIRST = Number(process.env['COMETMQ_IO_ERRORS_FIRST'] ?? 1);
const COMMIT = 8;
const ROLLBACK = 12;
const PREPARED = 4;
const BIG = 150_000;

class Run {
  readonly told = new Told();
  readonly disk: SimulatedDisk;
  readonly batches: KeyValueBatches;
  readonly faulty: FaultyDisk;
  readonly kv: FaultyKeyValueStore;
  readonly #flush: 'sync' | 'async';
  #wasReported = false;

  constructor(flush: 'sync' | 'async', fault: Fault | undefined, kvFault: number | undefined) {
    this.#flush = flush;
    this.disk = new SimulatedDisk();
    this.batches = new KeyValueBatches();
    this.faulty = new FaultyDisk(this.disk, fault);
    this.kv = new FaultyKeyValueStore(this.batches, kvFault);
  }

  /** The first of two lives ends by a kill, the last one in order. */
  async script(lives: number): Promise<void> {
    for (let life = 0; life < lives; life++) {
      const broker = await this.#started();
      if (broker === undefined) return;
      await this.#life(broker, life);
      if (life < lives - 1) continue;
      // A failed stop is told to whoever stops the process; the process ends in any case.
      await broker.stop().catch((error: unknown) => this.#judgeError('stop', error));
    }
  }

  /** Whoever starts a broker sees the error, and tries again. */
  async #started(): Promise<FaultyBroker | undefined> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const broker = new FaultyBroker(this.faulty, this.kv, this.#flush);
      try {
        await broker.start();
        return broker;
      } catch (error) {
        this.#judgeError('start', error);
        this.#wasReported = true;
      }
    }
    this.told.faults.push('the broker does not start');
    return undefined;
  }

  async #life(broker: FaultyBroker, life: number): Promise<void> {
    const { told } = this;
    if (life === 0) {
      const numbers = { readQueueNums: QUEUES, writeQueueNums: QUEUES, perm: 6 };
      for (const topic of ['orders', 'gone']) {
        const header = CreateTopicHeader.encode({ topic, ...numbers });
        const answer = await this.#ask(
          broker,
          'create',
          broker.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, header),
        );
        if (topic === 'orders' && answer !== undefined) told.isTopicMade = true;
      }
    }
    const held = broker.pull('orders', 1, await this.#max(broker, 1), 3_000);
    held.catch(() => undefined);
    await this.#sendAll(broker, life);
    await this.#transactions(broker, life);
    await this.#offsets(broker, life);
    await this.#settings(broker, life);
    for (let index = 0; index < 4; index++) {
      await this.#send(broker, 'orders', index % QUEUES, `big ${life}.${index} `.padEnd(BIG, '.'));
      await broker.clock.advance(400);
    }
    try {
      await broker.during(held);
    } catch (error) {
      told.faults.push(`a held pull: ${errorText(error)}`);
    }
    await broker.clock.advance(1_200);
    await this.#readAgain(broker);
    await this.#check(broker);
  }

  async #sendAll(broker: FaultyBroker, life: number): Promise<void> {
    const { told } = this;
    await broker.during(
      Promise.all([
        this.#send(broker, 'orders', 0, `a ${life}`),
        this.#send(broker, 'orders', 1, `b ${life}`),
        this.#send(broker, 'auto', 0, `c ${life}`),
        this.#send(broker, 'auto', 1, `d ${life}`),
        ...(life === 0 ? [this.#send(broker, 'gone', 0, 'e')] : []),
      ]),
    );
    await this.#batch(broker, [`f ${life}`, `g ${life}`, `h ${life}`]);
    const delayed = `delayed ${life}`;
    told.known.add(delayed);
    const answer = await this.#ask(
      broker,
      'delayed',
      broker.send('orders', Buffer.from(delayed), { properties: { DELAY: '1' } }),
    );
    if (answer !== undefined) told.due.push(delayed);
  }

  async #send(broker: FaultyBroker, topic: string, queueId: number, body: string): Promise<void> {
    const sent: Sent = { topic, queueId, body, offset: undefined };
    this.told.sent.push(sent);
    this.told.known.add(body);
    const answer = await this.#ask(
      broker,
      `send to ${topic}`,
      broker.send(topic, Buffer.from(body), { queueId }),
    );
    if (answer !== undefined) sent.offset = SendMessageResponseHeader.decode(answer.extFields).queueOffset;
  }

  async #batch(broker: FaultyBroker, bodies: readonly string[]): Promise<void> {
    const sent = bodies.map((body): Sent => ({ topic: 'orders', queueId: 0, body, offset: undefined }));
    this.told.sent.push(...sent);
    for (const body of bodies) this.told.known.add(body);
    const members = bodies.map((body) => ({ flag: 0, body: Buffer.from(body), properties: Buffer.alloc(0) }));
    const answer = await this.#ask(
      broker,
      'batch',
      broker.send('orders', encodeBatch(members), { isBatch: true }),
    );
    if (answer === undefined) return;
    const first = SendMessageResponseHeader.decode(answer.extFields).queueOffset;
    for (const [index, message] of sent.entries()) message.offset = first + index;
  }

  async #transactions(broker: FaultyBroker, life: number): Promise<void> {
    for (const decision of [COMMIT, ROLLBACK]) {
      const body = `${decision === COMMIT ? 'committed' : 'rolled back'} ${life}`;
      const half = await this.#ask(
        broker,
        'half',
        broker.send('orders', Buffer.from(body), {
          sysFlag: PREPARED,
          properties: { TRAN_MSG: 'true', PGROUP: 'producers' },
        }),
      );
      if (decision === ROLLBACK) this.told.never.push(body);
      if (half === undefined) continue;
      if (decision === COMMIT) this.told.known.add(body);
      const { queueOffset, msgId } = SendMessageResponseHeader.decode(half.extFields);
      const answer = await this.#ask(
        broker,
        'end of a transaction',
        broker.ask(
          RequestCode.END_TRANSACTION,
          EndTransactionHeader.encode({
            producerGroup: 'producers',
            tranStateTableOffset: queueOffset,
            commitLogOffset: Number.parseInt(msgId.slice(16), 16),
            commitOrRollback: decision,
          }),
        ),
      );
      if (decision === COMMIT && answer !== undefined) this.told.due.push(body);
    }
  }

  async #offsets(broker: FaultyBroker, life: number): Promise<void> {
    const commitOffset = 1 + life;
    const header = UpdateConsumerOffsetHeader.encode({
      consumerGroup: 'readers',
      topic: 'orders',
      queueId: 0,
      commitOffset,
    });
    this.told.committedMax = commitOffset;
    await this.#ask(broker, 'commit', broker.ask(RequestCode.UPDATE_CONSUMER_OFFSET, header));
  }

  async #settings(broker: FaultyBroker, life: number): Promise<void> {
    const asked = String(48 + life);
    const text = Buffer.from(`fileReservedTime=${asked}`);
    const answer = await this.#ask(
      broker,
      'settings',
      broker.ask(RequestCode.UPDATE_BROKER_CONFIG, undefined, text),
    );
    if (answer !== undefined) this.told.retention = asked;
    if (life === 0) {
      const gone = TopicHeader.encode({ topic: 'gone' });
      const deleted = await this.#ask(broker, 'delete', broker.ask(RequestCode.DELETE_TOPIC_IN_BROKER, gone));
      if (deleted !== undefined) this.told.isTopicGone = true;
    }
  }

  /** What can be read goes on being read, whatever happened to the log. */
  async #readAgain(broker: FaultyBroker): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        await readAll(broker, 'orders', 0);
        return;
      } catch (error) {
        // The one call that fails may be this read.
        if (attempt > 0) this.told.faults.push(`reading: ${errorText(error)}`);
      }
    }
  }

  async #max(broker: FaultyBroker, queueId: number): Promise<number> {
    const { nextOffset } = await broker.during(broker.pull('orders', queueId, 1_000_000));
    return nextOffset === 1_000_000 ? 0 : nextOffset;
  }

  /** After a failed write or sync of the log nothing is acknowledged any more, and the broker says why. */
  async #check(broker: FaultyBroker): Promise<void> {
    const isPoisoned = broker.errors.some((line) => line.startsWith('log write or sync failed'));
    const isFilling = broker.errors.some((line) => line.includes('could not be filled ahead'));
    const { failed } = this.faulty;
    if (!this.#wasReported && failed !== undefined && isOfLog(failed) && !isPoisoned && !isFilling)
      this.told.faults.push('a failed write or sync of the log was not reported');
    this.#wasReported = failed !== undefined;
    if (!isPoisoned) return;
    this.told.known.add('too late');
    const answer = await broker.during(broker.send('auto', Buffer.from('too late')));
    if (
      answer.code !== ResponseCode.SYSTEM_ERROR ||
      !(answer.remark ?? '').includes("the log can't be written")
    )
      this.told.faults.push(`a poisoned log answers ${answer.code}: ${answer.remark ?? ''}`);
  }

  /** The answer when it says that it was done. */
  async #ask(
    broker: FaultyBroker,
    what: string,
    asked: Promise<RemotingCommand>,
  ): Promise<RemotingCommand | undefined> {
    const { told } = this;
    try {
      const answer = await broker.during(asked);
      if (answer.code === ResponseCode.SUCCESS) return answer;
      const remark = answer.remark ?? '';
      told.refusals.push({ what, code: answer.code, remark });
      if (remark === '') told.faults.push(`${what}: code ${answer.code} without a reason`);
    } catch (error) {
      told.faults.push(`${what}: ${errorText(error)}`);
    }
    return undefined;
  }

  #judgeError(what: string, error: unknown): void {
    const isClean = error instanceof MqError || (error instanceof Error && 'code' in error);
    if (!isClean) this.told.faults.push(`${what}: ${errorText(error)}`);
  }
}

/** A segment of the log is written, or synced for senders. */
function isOfLog({ call, path }: Made): boolean {
  return (call === 'write' || call === 'datasync') && /commitlog\/\d{20}$/.test(path);
}

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeAll(() => {
  process.on('unhandledRejection', note);
});

afterAll(() => {
  process.off('unhandledRejection', note);
});

async function judgeRun(run: Run, flush: 'sync' | 'async', seed: number): Promise<void> {
  if (run.told.faults.length > 0) throw new Error(run.told.faults.join('; '));
  await judge(run.told, run.disk.clone(), run.batches.clone(), flush);
  if (flush === 'sync') await judge(run.told, run.disk.crash({ seed }), run.batches.synced(), flush);
  if (unhandled.length > 0) throw new Error(`unhandled: ${errorText(unhandled.pop())}`);
}

test.each(['sync', 'async'] as const)(
  'every call of the disk fails, flush %s',
  { timeout: 600_000 },
  async (flush) => {
    const whole = new Run(flush, undefined, undefined);
    await whole.script(2);
    expect(whole.told.refusals).toEqual([]);
    await judgeRun(whole, flush, 1);
    const { calls } = whole.faulty;
    expect(new Set(calls.map(({ call }) => call)).size).toBeGreaterThan(7);
    const faults: string[] = [];
    let cases = 0;
    for (let number = FIRST; number <= calls.length; number += STEP) {
      const made = calls[number - 1];
      if (made === undefined) continue;
      for (const kind of faultsOf(made)) {
        cases++;
        const run = new Run(flush, { number, kind }, undefined);
        try {
          await run.script(2);
          await judgeRun(run, flush, number);
        } catch (error) {
          const { call, path } = run.faulty.failed ?? made;
          faults.push(`${number} ${call} ${path} ${kind}: ${errorText(error)}`);
        }
      }
    }
    expect(faults).toEqual([]);
    console.log(`${cases} failures of ${calls.length} calls, flush ${flush}`);
  },
);

test('every write of the settings fails', { timeout: 120_000 }, async () => {
  const whole = new Run('sync', undefined, undefined);
  await whole.script(2);
  const faults: string[] = [];
  for (let number = 1; number <= whole.kv.writes; number++) {
    for (const lives of [1, 2]) {
      const run = new Run('sync', undefined, number);
      try {
        await run.script(lives);
        await judgeRun(run, 'sync', number);
      } catch (error) {
        const keys = run.kv.failed?.map(({ key }) => key).join() ?? '';
        faults.push(`${number} ${keys}, lives ${lives}: ${errorText(error)}`);
      }
    }
  }
  expect(whole.kv.writes).toBeGreaterThan(12);
  expect(faults).toEqual([]);
});
