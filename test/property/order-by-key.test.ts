import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PushConsumer } from '@cometmq/client';
import { readHeartbeat } from '@cometmq/remoting/protocol/body/heartbeat';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { SdkWorld } from '../support/sdk-world.ts';

// Members that come, close, and lose their network at random while handlers fail at random.

type Step =
  | { readonly kind: 'put'; readonly key: number; readonly count: number }
  | { readonly kind: 'join' | 'close' | 'vanish' }
  | { readonly kind: 'wait'; readonly ms: number };

interface Seen {
  readonly member: number;
  readonly key: string;
  readonly number: number;
  readonly event: 'start' | 'failed' | 'done';
}

const QUEUES = 2;
const KEYS = 6;
const MEMBERS_MAX = 3;
const LOCK_LIFE_MS = 60_000;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key: fc.nat(KEYS - 1),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('join' as const, 'close' as const, 'vanish' as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 8000 }) }),
  },
);

const nameOf = (member: number): string => `member-${member}`;

class Run {
  readonly seen: Seen[] = [];
  readonly #world: SdkWorld;
  readonly #failures: readonly number[];
  readonly #sent = new Map<string, number>();
  readonly #members: { readonly number: number; readonly worker: PushConsumer }[] = [];
  readonly #vanished = new Set<number>();
  readonly #channels = new Map<RemotingChannel, string>();
  #calls = 0;
  #joined = 0;

  constructor(world: SdkWorld, failures: readonly number[]) {
    this.#world = world;
    this.#failures = failures;
    world.broker.intercept = (request, channel) => this.#refuseTheDead(request, channel);
  }

  async do(action: Step): Promise<void> {
    const { clock, broker } = this.#world;
    switch (action.kind) {
      case 'put':
        for (let n = 0; n < action.count; n++) {
          const key = `k${action.key}`;
          const number = this.#sent.get(key) ?? 0;
          this.#sent.set(key, number + 1);
          broker.put('t', action.key % QUEUES, `${number}`, { __SHARDINGKEY: key });
        }
        return clock.settle();
      case 'wait':
        return clock.advance(action.ms);
      case 'join':
        return this.join();
      case 'close': {
        const member = this.#members.shift();
        return member === undefined ? undefined : this.#world.during(member.worker.close());
      }
      case 'vanish':
        return this.#vanish();
    }
  }

  async join(): Promise<void> {
    if (this.#members.length >= MEMBERS_MAX) return;
    const { clock } = this.#world;
    const number = ++this.#joined;
    const worker = this.#world.client({ clientId: nameOf(number) }).consume({
      group: 'g',
      topics: ['t'],
      order: 'key',
      startFrom: 'earliest',
      handle: async (message, { signal }) => {
        const call = this.#calls++;
        const entry = {
          member: number,
          key: message.shardingKey ?? '',
          number: Number(message.body.toString()),
        };
        this.#note({ ...entry, event: 'start' });
        const takesMs = (call * 7) % 40;
        await new Promise<void>((resolve) => {
          clock.setTimer(takesMs, resolve);
        });
        const failed = signal.aborted || this.#failures.includes(call % 16);
        this.#note({ ...entry, event: failed ? 'failed' : 'done' });
        if (failed) throw new Error('not this time');
      },
    });
    worker.ready().catch(() => undefined);
    this.#members.push({ number, worker });
    await clock.advance(100);
  }

  /** As after a kill: what it still does reaches nobody, and its locks stay until they expire. */
  async #vanish(): Promise<void> {
    const member = this.#members.shift();
    if (member === undefined) return;
    this.#vanished.add(member.number);
    const { broker, clock } = this.#world;
    clock.setTimer(LOCK_LIFE_MS, () => {
      for (const [queue, owner] of broker.locks)
        if (owner === nameOf(member.number)) broker.locks.delete(queue);
    });
    await this.#world.during(member.worker.close({ drain: 0 }));
  }

  /** Waits until every key was handled to its end. */
  async finish(): Promise<void> {
    if (this.#members.length === 0) await this.join();
    for (let round = 0; round < 400 && this.missing().length > 0; round++) {
      await this.#world.clock.advance(1000);
    }
  }

  missing(): string[] {
    return [...this.#sent].flatMap(([key, count]) => {
      const handled = new Set(
        this.seen.filter((s) => s.key === key && s.event === 'done').map((s) => s.number),
      );
      return Array.from({ length: count }, (_, n) => n)
        .filter((n) => !handled.has(n))
        .map((n) => `${key}/${n}`);
    });
  }

  #refuseTheDead(request: RemotingCommand, channel: RemotingChannel): Reply | undefined {
    if (request.code === RequestCode.HEART_BEAT)
      this.#channels.set(channel, readHeartbeat(parseBody(request.body)).clientID);
    const isDead = [...this.#vanished].some((number) => nameOf(number) === this.#channels.get(channel));
    const isWrite =
      request.code === RequestCode.UPDATE_CONSUMER_OFFSET || request.code === RequestCode.UNLOCK_BATCH_MQ;
    return isDead && isWrite ? { code: ResponseCode.SUCCESS } : undefined;
  }

  #note(seen: Seen): void {
    if (!this.#vanished.has(seen.member)) this.seen.push(seen);
  }
}

/** A key may go back to an earlier message, but never skips one or goes on from one that failed, and runs once at a time. */
function faults(seen: readonly Seen[]): string[] {
  const latest = new Map<string, number>();
  const done = new Set<string>();
  const open = new Map<string, number>();
  const found: string[] = [];
  for (const { member, key, number, event } of seen) {
    const owner = `${member} ${key}`;
    if (event !== 'start') {
      open.delete(owner);
      if (event === 'done') done.add(`${key}/${number}`);
      continue;
    }
    if (open.has(owner)) found.push(`${key}/${number} while ${open.get(owner)} is at work`);
    open.set(owner, number);
    const before = latest.get(key) ?? -1;
    if (number > before + 1) found.push(`${key}/${number} after ${before}`);
    if (number > 0 && !done.has(`${key}/${number - 1}`))
      found.push(`${key}/${number} before ${number - 1} was done`);
    latest.set(key, number);
  }
  return found;
}

test('by key: no message overtakes one of its key, and none is left behind, whoever fails, comes or goes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      fc.uniqueArray(fc.nat(15), { maxLength: 6 }),
      async (steps, failures) => {
        const world = await SdkWorld.start();
        try {
          world.broker.topic('t', QUEUES);
          const run = new Run(world, failures);
          await run.join();
          for (const action of steps) await run.do(action);
          await run.finish();
          expect(faults(run.seen)).toEqual([]);
          expect(run.missing()).toEqual([]);
        } finally {
          await world.stop();
        }
      },
    ),
    { numRuns: 100 },
  );
}, 60_000);
