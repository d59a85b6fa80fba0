import { MqError } from '@cometmq/common/error/mq-error';
import type { Durability } from '@cometmq/broker/store/log/durability';
import { ManualClock } from '../manual-clock.ts';
import { SeededRandom } from '../seeded-random.ts';
import type { DiskOperation, SimulatedDisk } from '../simulated-disk.ts';
import { StoreWorld, appendRequest, propertyText } from '../store-world.ts';
import type { Batch, Expectation, ModelMessage, QueueExpectation } from './model.ts';
import { ModelQueue } from './model.ts';
import type { LifeEnd, SlowPart, WorkloadPlan } from './plan.ts';
import { SMALL_STORE } from './plan.ts';
import { readOutcome, recordAt } from './reader.ts';

/** The disk right before an operation, or right after an answer, and what a start may find on it. */
export interface Moment {
  readonly disk: SimulatedDisk;
  readonly expectation: Expectation;
}

/** Queues that messages go to; the last one gets few, so that it is emptied by retention. */
const QUEUES = [
  ['orders', 0],
  ['orders', 1],
  ['bills', 0],
  ['rare', 0],
] as const;
const BODY_MAX = 500;
const DURABILITIES: readonly (Durability | undefined)[] = ['synced', 'synced', 'written', undefined];

/** A run of a store over several lives, with everything that a broker does to it, decided by a seed. */
export class CrashWorkload {
  readonly plan: WorkloadPlan;
  readonly moments: Moment[] = [];
  /** Operations by what they were done to: shows that a run met what it is for. */
  readonly coverage = new Map<string, number>();
  readonly #random: SeededRandom;
  #world: StoreWorld;
  /** Undefined while a start is under way. */
  #isOpen = false;
  #queues = new Map<string, ModelQueue>();
  #batches: Batch[] = [];
  /** Counts for a start that is under way. */
  #last: Expectation = { queues: new Map(), openBatches: [], logStartMax: 0 };
  #messageCount = 0;
  #background: Promise<unknown>[] = [];

  constructor(plan: WorkloadPlan) {
    this.plan = plan;
    this.#random = new SeededRandom(plan.seed);
    this.#world = new StoreWorld({ ...SMALL_STORE, ...plan.store });
  }

  async run(): Promise<void> {
    for (const end of this.plan.lives) {
      await this.#open();
      for (let round = 0; round < this.plan.roundsPerLife; round++) await this.#round();
      await this.#end(end);
    }
  }

  async #open(): Promise<void> {
    const { disk } = this.#world;
    disk.hook = (operation) => this.#observe(operation);
    disk.gate = (operation) => this.#delay(operation);
    const opening = this.#world.open();
    let isDone = false;
    void opening.finally(() => (isDone = true));
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition
    while (!isDone) await this.#world.clock.advance(1);
    await opening;
    this.#adopt();
    this.#isOpen = true;
    this.#note();
  }

  /** What the start found is what there is from now on; the rest must never come back. */
  #adopt(): void {
    const { queues } = readOutcome(this.#world, this.#last);
    const next = new Map<string, ModelQueue>();
    for (const [name, { queue }] of this.#last.queues) {
      const end = queues.get(name)?.[1] ?? 0;
      next.set(name, new ModelQueue(queue.topic, queue.queueId, queue.messages.slice(0, end)));
    }
    this.#queues = next;
    this.#batches = [];
  }

  async #end(end: LifeEnd): Promise<void> {
    if (end === 'close') {
      await this.#awaited(Promise.allSettled(this.#background));
      await this.#awaited(this.#world.store.close());
    }
    this.#note();
    this.#background = [];
    this.#last =
      end === 'power' || end === 'lose index' ? withoutWritten(this.#expectation()) : this.#expectation();
    this.#isOpen = false;
    const { disk, clock } = this.#world;
    disk.hook = disk.gate = undefined;
    const isCut = end === 'power' || end === 'lose index';
    const left = isCut ? disk.crash({ seed: this.#random.below(1000) }) : disk.clone();
    if (end === 'lose index') left.lose('/data/store/index');
    this.#world = new StoreWorld({ ...SMALL_STORE, ...this.plan.store }, left, new ManualClock(clock.now()));
  }

  /** Waits for something that may itself wait for the clock. */
  async #awaited(work: Promise<unknown>): Promise<void> {
    let isDone = false;
    void work.finally(() => (isDone = true)).catch(() => undefined);
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition
    while (!isDone) await this.#world.clock.advance(1);
    await work;
  }

  #observe({ kind, path }: DiskOperation): void {
    if (kind === 'read' || kind === 'open') return;
    const what = `${kind} ${path.slice('/data/store/'.length).replace(/\d{20}/, 'N')}`;
    this.coverage.set(what, (this.coverage.get(what) ?? 0) + 1);
    this.#note();
    const isNewSpare = kind === 'create' && path.endsWith('spare.preparing');
    if (this.plan.isTight && this.#isOpen && isNewSpare && this.#random.below(2) === 0)
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  }

  #delay({ kind, path }: DiskOperation): Promise<void> | undefined {
    const isLog = path.includes('/commitlog');
    const part: SlowPart =
      kind === 'rename' || kind === 'syncDirectory' || kind === 'remove' || path.endsWith('spare.preparing')
        ? 'names'
        : isLog
          ? 'syncs'
          : 'derived';
    if (!this.plan.slow.includes(part) || kind === 'read') return undefined;
    return new Promise((resolve) => {
      this.#world.clock.setTimer(1 + this.#random.below(6), resolve);
    });
  }

  #note(): void {
    const expectation = this.#isOpen ? this.#expectation() : this.#last;
    this.moments.push({ disk: this.#world.disk.clone(), expectation });
  }

  #expectation(): Expectation {
    const { store } = this.#world;
    const isSynced = (this.plan.store.durability ?? 'synced') === 'synced';
    const queues = new Map<string, QueueExpectation>();
    for (const queue of this.#queues.values()) {
      // What consumers saw must stay, whether somebody waited for it or not.
      const seen =
        isSynced && queue.state === 'live' ? (store.queues.find(queue.topic, queue.queueId)?.max ?? 0) : 0;
      const synced = Math.max(queue.syncedEnd, seen);
      queues.set(queue.name, {
        queue,
        state: queue.state,
        synced,
        written: Math.max(queue.writtenEnd, synced),
        appended: queue.messages.length,
      });
    }
    this.#batches = this.#batches.filter((batch) =>
      batch.some(([queue, offset]) => (queues.get(queue.name)?.synced ?? 0) <= offset),
    );
    return { queues, openBatches: [...this.#batches], logStartMax: store.logStart };
  }

  async #round(): Promise<void> {
    const { store, clock } = this.#world;
    const count = 1 + this.#random.below(4);
    for (let index = 0; index < count; index++) {
      if (this.#random.below(6) === 0) this.#sendTogether();
      else this.#send();
    }
    const choice = this.#random.below(24);
    if (choice < 3) this.#inBackground(store.checkpoint());
    else if (choice < 6) this.#inBackground(store.expire());
    else if (choice < 7) this.#inBackground(this.#drop());
    await clock.advance(this.#random.below(5) === 0 ? 20 : this.#random.below(4));
  }

  #inBackground(work: Promise<unknown>): void {
    this.#background.push(work.catch(() => undefined));
  }

  async #drop(): Promise<void> {
    const queues = [...this.#queues.values()].filter(
      ({ topic, state }) => topic === 'bills' && state === 'live',
    );
    if (queues.length === 0) return;
    for (const queue of queues) queue.state = 'dropping';
    await this.#world.store.dropTopic('bills');
    for (const queue of queues) queue.state = 'dropped';
    this.#note();
  }

  #queue(): ModelQueue | undefined {
    const [topic, queueId] = QUEUES[this.#random.below(16) === 0 ? 3 : this.#random.below(3)] ?? QUEUES[0];
    const name = `${topic}/${queueId}`;
    let queue = this.#queues.get(name);
    // While a topic is being deleted nobody can send to it.
    const states = [...this.#queues.values()]
      .filter((other) => other.topic === topic)
      .map(({ state }) => state);
    if (states.includes('dropping')) return undefined;
    if (queue === undefined || queue.state === 'dropped') {
      queue = new ModelQueue(topic, queueId);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #send(): void {
    const queue = this.#queue();
    if (queue === undefined) return;
    const message = this.#newMessage();
    const durability = DURABILITIES[this.#random.below(DURABILITIES.length)];
    try {
      const result = this.#world.append({
        topic: queue.topic,
        queueId: queue.queueId,
        body: message.body,
        properties: { KEYS: message.key },
        durability: durability ?? 'written',
      });
      this.#keep(queue, result, message.key);
    } catch (error) {
      ignoreBusy(error);
      return;
    }
    this.#awaitAnswer([queue], durability);
  }

  #sendTogether(): void {
    const queues = [this.#queue(), this.#queue(), this.#queue()].filter((queue) => queue !== undefined);
    const messages = queues.map(() => this.#newMessage());
    const durability = DURABILITIES[this.#random.below(DURABILITIES.length)];
    const { store } = this.#world;
    const requests = queues.map(({ topic, queueId }, index) =>
      appendRequest(
        store.queues.get(topic, queueId),
        Buffer.from(messages[index]?.body ?? ''),
        propertyText({ KEYS: messages[index]?.key ?? '' }),
      ),
    );
    try {
      const results = store.appendTogether(requests, durability ?? 'written');
      const batch = queues.map((queue, index) => {
        const result = results[index];
        if (result === undefined) throw new Error('a result is missing');
        this.#keep(queue, result, messages[index]?.key ?? '');
        return [queue, result.queueOffset] as const;
      });
      this.#batches.push(batch);
    } catch (error) {
      ignoreBusy(error);
      return;
    }
    this.#awaitAnswer(queues, durability);
  }

  #newMessage(): { readonly key: string; readonly body: string } {
    const key = `k${this.#messageCount++}`;
    const size =
      this.#random.below(3) === 0 ? this.#random.below(3 * BODY_MAX) : this.#random.below(BODY_MAX);
    return { key, body: key.padEnd(size, key) };
  }

  #keep(queue: ModelQueue, result: { physicalOffset: number; queueOffset: number }, key: string): void {
    if (result.queueOffset !== queue.messages.length)
      throw new Error(`${queue.name} got offset ${result.queueOffset}, not ${queue.messages.length}`);
    const record = recordAt(this.#world, result.physicalOffset);
    const message: ModelMessage = { physicalOffset: result.physicalOffset, record, key };
    queue.messages.push(message);
  }

  #awaitAnswer(queues: readonly ModelQueue[], durability: Durability | undefined): void {
    if (durability === undefined) return;
    const ends = queues.map((queue) => [queue, queue.messages.length] as const);
    this.#world.store.whenDurable(durability).then(
      () => {
        for (const [queue, end] of ends) {
          queue.writtenEnd = Math.max(queue.writtenEnd, end);
          if (durability === 'synced') queue.syncedEnd = Math.max(queue.syncedEnd, end);
        }
        if (this.#isOpen) this.#note();
      },
      () => undefined,
    );
  }
}

/** The next segment was not ready or found no room, or a batch is larger than a frame. */
const REFUSALS: ReadonlySet<string> = new Set(['SYSTEM_BUSY', 'SERVICE_NOT_AVAILABLE', 'MESSAGE_ILLEGAL']);

function ignoreBusy(error: unknown): void {
  if (!(error instanceof MqError && REFUSALS.has(error.kind))) throw error;
}

/** A power cut takes what was written only. */
function withoutWritten(expectation: Expectation): Expectation {
  const queues = [...expectation.queues].map(
    ([name, queue]) => [name, { ...queue, written: queue.synced }] as const,
  );
  return { ...expectation, queues: new Map(queues) };
}
