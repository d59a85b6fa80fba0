import { beforeAll, describe, expect, test } from 'vitest';
import type { MqClient, Producer } from '@cometmq/client';
import { createClient, MqError, RouteNotFoundError } from '@cometmq/client';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

/** Sends numbered messages one after the other until told to stop; knows which were acknowledged. */
class Flow {
  readonly acked: string[] = [];
  readonly failures: Error[] = [];
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(producer: Producer, topic: string) {
    this.#running = this.#run(producer, topic);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(producer: Producer, topic: string): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      try {
        await producer.send(topic, { body: `m${n}` });
        this.acked.push(`m${n}`);
      } catch (error) {
        this.failures.push(error as Error);
      }
      await sleep(5);
    }
  }
}

async function flowThrough(
  topic: string,
  trouble: (mq: MqClient) => Promise<void>,
  settleMs = 60_000,
): Promise<{ flow: Flow; got: Map<string, number> }> {
  const mq = createClient({ nameServers: world.namesrv });
  try {
    const got = new Map<string, number>();
    const worker = mq.consume({
      group: world.name('GID_sdkflow'),
      topics: [topic],
      startFrom: 'earliest',
      handle: (m) => void got.set(m.body.toString(), (got.get(m.body.toString()) ?? 0) + 1),
    });
    await worker.ready();
    const flow = new Flow(mq.producer(), topic);
    await sleep(1000);
    await trouble(mq);
    await sleep(1000);
    const before = flow.acked.length;
    await waitUntil('sends go on', () => flow.acked.length > before + 20, 30_000);
    await flow.stop();
    const missing = () => flow.acked.filter((text) => !got.has(text));
    await waitUntil(
      () => `${missing().length} of ${flow.acked.length} acknowledged messages missing`,
      () => missing().length === 0,
      settleMs,
    );
    expect(flow.failures.every((error) => error instanceof MqError && error.retryable)).toBe(true);
    return { flow, got };
  } finally {
    await mq.close({ drain: '2s' });
  }
}

describe('the SDK survives', () => {
  test('a broker that is killed and comes back', async () => {
    const topic = await world.topic('sdkrestart');
    const states: string[] = [];
    await flowThrough(topic, async (mq) => {
      mq.on('state', (now) => states.push(now));
      const [broker] = world.cluster.brokers;
      await world.cluster.killBroker(broker?.name ?? '');
      await sleep(2000);
      await world.cluster.restartBroker(broker?.name ?? '');
    });
    expect(states).toContain('degraded');
    expect(states.slice(-2)).toEqual(['ready', 'closed']);
  }, 180_000);

  test('a name server that is killed, and one that comes back empty', async () => {
    const topic = await world.topic('sdknamesrv');
    const { flow } = await flowThrough(topic, async () => {
      await world.cluster.killNamesrv();
      await sleep(3000);
      await world.cluster.restartNamesrv();
      await sleep(500);
    });
    expect(flow.failures).toEqual([]);
  }, 120_000);

  test('the loss of one of two brokers', async () => {
    await world.cluster.addBroker('broker-sdk');
    try {
      const topic = await world.topic('sdktwo');
      await flowThrough(topic, async () => {
        await world.cluster.killBroker('broker-sdk');
        await sleep(5000);
        // What it had acknowledged comes when it is back.
        await world.cluster.restartBroker('broker-sdk');
      });
    } finally {
      await world.cluster.removeBroker('broker-sdk');
    }
  }, 240_000);

  test('an ordered queue gives up a hopeless message and goes on', async () => {
    await using mq = createClient({ nameServers: world.namesrv });
    const topic = await world.topic('sdkpoison', 1);
    const group = world.name('GID_sdkpoison');
    const done: string[] = [];
    const worker = mq.consume({
      group,
      topics: [topic],
      order: 'queue',
      startFrom: 'earliest',
      retry: { attempts: 2, backoff: () => 50 },
      handle: (m) => {
        if (m.body.toString() === 'poison') throw new Error('always');
        done.push(m.body.toString());
      },
    });
    await worker.ready();
    for (const body of ['a', 'poison', 'b', 'c']) await mq.producer().send(topic, { body });
    await waitUntil('what comes behind', () => done.length === 3);
    expect(done).toEqual(['a', 'b', 'c']);
    await using reader = mq.reader({ topic: `%DLQ%${group}` });
    const [letter] = await waitUntil('the dead letter', async () => {
      const page = await reader.pull({ wait: '1s' }).catch(() => []);
      return page.length > 0 && page;
    });
    expect(letter?.body.toString()).toBe('poison');
    expect(letter?.topic).toBe(topic);
  }, 60_000);

  test('a topic that is created by the first send, after its consumer started', async () => {
    await using mq = createClient({ nameServers: world.namesrv });
    const topic = world.name('sdkauto');
    const got: string[] = [];
    const worker = mq.consume({
      group: world.name('GID_sdkauto'),
      topics: [topic],
      handle: (m) => void got.push(m.body.toString()),
    });
    await worker.ready();
    for (let n = 0; n < 8; n++) await mq.producer().send(topic, { body: `${n}` });
    await waitUntil('all, although the group starts at the end', () => got.length === 8, 60_000);
    await using reader = mq.reader({ topic: world.name('sdknowhere') });
    await expect(reader.pull()).rejects.toBeInstanceOf(RouteNotFoundError);
  }, 90_000);

  test('close leaves nothing behind that keeps a process alive', async () => {
    const script = `
      import { createClient } from ${JSON.stringify(new URL('../../client-sdk/dist/index.js', import.meta.url).href)};
      const mq = createClient({ nameServers: ${JSON.stringify(world.namesrv)} });
      const worker = mq.consume({ group: 'GID_sdkclose', topics: ['TBW102'], handle() {} });
      await worker.ready();
      await mq.close();
      console.log(JSON.stringify(process.getActiveResourcesInfo()));
    `;
    const { execFile } = await import('node:child_process');
    const output = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        ['--input-type=module', '-e', script],
        { timeout: 20_000 },
        (error, stdout, stderr) =>
          error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error })),
      );
    });
    const resources = JSON.parse(output) as string[];
    expect(resources.filter((name) => name.startsWith('TCP') || name === 'Timeout')).toEqual([]);
  }, 40_000);
});
