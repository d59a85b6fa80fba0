import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, test } from 'vitest';
import type { MqClient } from '@cometmq/client';
import { createClient } from '@cometmq/client';
import { Driver } from './support/driver.ts';
import { interopFolder } from './support/paths.ts';
import { reaper } from './support/reaper.ts';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

const KEYS = 50;
const PER_KEY = 200;
const QUEUES = 8;
const PAUSE_MS = 100;

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

/** A handler was called with a message of a key. */
interface Start {
  readonly member: string;
  readonly text: string;
  readonly ts: number;
  readonly failing: boolean;
}

/** Members of one group, and what their handlers were called with. */
class OrderedGroup {
  readonly name: string;
  readonly topic: string;
  readonly #own: Start[] = [];
  readonly #java: { readonly driver: Driver; readonly consumer: string }[] = [];
  readonly #failed = new Set<string>();

  constructor(what: string, topic: string) {
    this.name = world.name(`GID_${what}`);
    this.topic = topic;
  }

  async addJava(driver: Driver): Promise<void> {
    const consumer = world.name('c-ordered');
    this.#java.push({ driver, consumer });
    await driver.startConsumer(consumer, world.namesrv, {
      group: this.name,
      topic: this.topic,
      mode: 'orderly',
    });
  }

  /** A member of ours. Every 40th message fails at first. */
  addOwn(mq: MqClient, member: string): void {
    mq.consume({
      group: this.name,
      topics: [this.topic],
      order: 'key',
      startFrom: 'earliest',
      retry: { backoff: () => 50 },
      handle: async (message) => {
        const text = message.body.toString();
        const failing = Number(text.split('/')[1]) % 40 === 7 && !this.#failed.has(text);
        this.#own.push({ member, text, ts: Date.now(), failing });
        await sleep(1);
        if (!failing) return;
        this.#failed.add(text);
        throw new Error('the first time it fails');
      },
    });
  }

  /** A member of ours in a process of its own. */
  addProcess(member: string): ChildProcess {
    const script = join(interopFolder, 'drivers/sdk/member.js');
    const child = spawn(process.execPath, [script, world.namesrv, this.name, this.topic], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    reaper.watch(child);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { text, ts } = JSON.parse(line) as { text: string; ts: number };
      this.#own.push({ member, text, ts, failing: false });
    });
    return child;
  }

  starts(): Start[] {
    const java = this.#java.flatMap(({ driver, consumer }) =>
      driver
        .messages(consumer)
        .map(({ text = '', ts, failing }) => ({ member: consumer, text, ts, failing })),
    );
    return [...java, ...this.#own].sort((a, b) => a.ts - b.ts);
  }

  /** Those that were given a message. */
  get members(): Set<string> {
    return new Set(this.starts().map(({ member }) => member));
  }

  /** Messages that some handler was called with and did not refuse. */
  get handled(): number {
    return new Set(
      this.starts()
        .filter(({ failing }) => !failing)
        .map(({ text }) => text),
    ).size;
  }

  /** After a message comes the next one of its key, or, for another owner, an earlier one; after a failure the same. */
  disorder(): string[] {
    const next = new Map<string, number>();
    const faults: string[] = [];
    for (const { member, text, failing } of this.starts()) {
      const [key = '', number = ''] = text.split('/');
      const n = Number(number);
      const highest = next.get(key) ?? 0;
      if (n > highest) faults.push(`${member}: ${text} before ${key}/${highest}`);
      next.set(key, failing ? n : n + 1);
    }
    return faults;
  }

  get repeats(): number {
    return this.starts().filter(({ failing }) => !failing).length - this.handled;
  }

  async stopJava(): Promise<void> {
    for (const { driver, consumer } of this.#java) if (driver.alive) await driver.stopConsumer(consumer);
  }
}

async function sendAll(mq: MqClient, topic: string): Promise<void> {
  const producer = mq.producer();
  await Promise.all(
    Array.from({ length: KEYS }, async (_, key) => {
      for (let n = 0; n < PER_KEY; n++) {
        await producer.send(topic, { body: `k${key}/${n}`, shardingKey: `k${key}` });
        await sleep(PAUSE_MS);
      }
    }),
  );
}

test('10,000 messages in order: members of Java 4.9, Java 5, the SDK and a mixed group are killed, close and join', async () => {
  const victims = (['java-4.9.8', 'java-5.4.0'] as const).map(
    (flavour) => new Driver(flavour, `${flavour}-ordered-victim`),
  );
  const [victim4, victim5] = victims as [Driver, Driver];
  const [java4, java5] = [world.driver('java-4.9.8'), world.driver('java-5.4.0')];
  const clients = Array.from({ length: 5 }, () => createClient({ nameServers: world.namesrv }));
  const [sender, first, second, third, mixed] = clients as [MqClient, MqClient, MqClient, MqClient, MqClient];
  try {
    const topic = await world.topic('orderload', QUEUES);
    const groups = ['java4', 'java5', 'sdk', 'mixed'].map((what) => new OrderedGroup(what, topic));
    const [ofJava4, ofJava5, ofSdk, ofAll] = groups as [
      OrderedGroup,
      OrderedGroup,
      OrderedGroup,
      OrderedGroup,
    ];
    await Promise.all([
      ...[java4, victim4].map((driver) => ofJava4.addJava(driver)),
      ...[java5, victim5].map((driver) => ofJava5.addJava(driver)),
      ofAll.addJava(victim5),
    ]);
    ofSdk.addOwn(first, 'first');
    ofSdk.addOwn(second, 'second');
    const killed = ofSdk.addProcess('killed');
    ofAll.addOwn(mixed, 'own');

    const started = Date.now();
    const sent = sendAll(sender, topic);
    const total = KEYS * PER_KEY;
    const reach = (share: number) =>
      waitUntil(
        () => `${share} of all handled: ${groups.map((g) => g.handled).join(' ')}`,
        () => groups.every((g) => g.handled >= total * share),
        90_000,
        200,
      );
    await reach(0.2);
    await waitUntil('every member has messages', () =>
      groups.every((g) => g.members.size === (g === ofSdk ? 3 : 2)),
    );
    killed.kill('SIGKILL');
    for (const victim of victims) victim.kill();
    await first.close({ drain: 0 });
    await reach(0.5);
    await Promise.all([ofJava4.addJava(java4), ofJava5.addJava(java5), ofAll.addJava(java4)]);
    ofSdk.addOwn(third, 'third');
    await sent;
    await reach(1);
    console.info(
      `${total} messages, four groups: ${Date.now() - started} ms; repeats ${groups.map((g) => g.repeats).join(' ')}`,
    );
    for (const group of groups) {
      expect(group.disorder(), group.name).toEqual([]);
      expect(group.handled).toBe(total);
      expect(group.members.size).toBe(group === ofSdk ? 4 : 3);
    }
    for (const group of groups) await group.stopJava();
  } finally {
    for (const victim of victims) victim.kill();
    await Promise.all(clients.map((client) => client.close({ drain: '2s' })));
  }
}, 200_000);
