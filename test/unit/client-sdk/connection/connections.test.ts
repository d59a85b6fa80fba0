import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '@cometmq/common/logging/logger';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ChannelPool } from '@cometmq/remoting/transport/channel-pool';
import { Connections } from '@cometmq/client/connection/connections';
import { ClosedError, ConnectError, TimeoutError } from '@cometmq/client';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryNet } from '../../../support/memory-net.ts';
import { ScriptedBroker } from '../../../support/scripted-broker.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

const request = { code: RequestCode.GET_CONSUMER_LIST_BY_GROUP, extFields: { consumerGroup: 'g' } };
let clock: ManualClock;
let net: MemoryNet;
let broker: ScriptedBroker;
let connections: Connections;
let opened: string[];

beforeEach(async () => {
  clock = new ManualClock();
  net = new MemoryNet(clock);
  broker = await ScriptedBroker.start(clock, net);
  opened = [];
  connections = new Connections({
    net,
    clock,
    random: new SeededRandom(),
    log: silentLogger,
    connectTimeoutMs: 1000,
    handleRequest: () => undefined,
    onOpen: (address) => opened.push(address),
    onChange: () => undefined,
  });
});
afterEach(async () => {
  const closing = connections.close();
  await clock.advance(1000);
  await closing;
  await broker.close();
});

test.each(['foo', '::::', 'foo:bar', '127.0.0.1:99999', ''])(
  'the address "%s" is refused with a reason',
  async (address) => {
    const pool = new ChannelPool({
      net,
      clock,
      log: silentLogger,
      connectTimeoutMs: 1000,
      handleRequest: () => undefined,
    });
    const refusal = { kind: 'INVALID_ARGUMENT', message: `"${address}" is not of the form host:port` };
    await expect(pool.invoke(address, request, 1000)).rejects.toMatchObject(refusal);
  },
);

describe('reconnecting', () => {
  test('waits longer after each failure, is refused at once meanwhile, and forgets failures after an answer', async () => {
    net.refuse(broker.port);
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      await expect(connections.invoke(broker.address, request, 1000)).rejects.toMatchObject({
        requestSent: false,
      });
      await expect(connections.invoke(broker.address, request, 1000)).rejects.toThrow(/tried again in/);
      let waitedMs = 0;
      while (!connections.isAvailable(broker.address)) {
        await clock.advance(10);
        waitedMs += 10;
      }
      waits.push(waitedMs);
    }
    waits.forEach((waitedMs, n) => {
      const step = Math.min(5000, 100 * 2 ** n);
      expect(waitedMs).toBeGreaterThanOrEqual(step / 2);
      expect(waitedMs).toBeLessThanOrEqual(step + 10);
    });
    net.refuse(broker.port, false);
    await connections.invoke(broker.address, request, 1000);
    expect(connections.health()).toEqual([
      { address: broker.address, connected: true, failures: 0, lastError: undefined },
    ]);
    expect(opened).toEqual([broker.address]);
  });

  test('a broken connection fails what waits, and the next request opens another', async () => {
    broker.intercept = () => null;
    const waiting = connections.invoke(broker.address, request, 5000);
    waiting.catch(() => undefined);
    await clock.settle();
    net.cut(broker.port);
    await clock.settle();
    await expect(waiting).rejects.toBeInstanceOf(ConnectError);
    await expect(waiting).rejects.toMatchObject({ requestSent: true, retryable: true });
    broker.intercept = () => undefined;
    await connections.invoke(broker.address, request, 1000);
    expect(opened).toHaveLength(2);
  });
});

describe('half-open connections', () => {
  test('a server that is silent for the whole time of a request loses its connection', async () => {
    await connections.invoke(broker.address, request, 1000);
    net.silence(broker.port);
    const waiting = connections.invoke(broker.address, request, 1000);
    waiting.catch(() => undefined);
    await clock.advance(1100);
    await expect(waiting).rejects.toBeInstanceOf(TimeoutError);
    expect(connections.health()).toMatchObject([{ connected: false, failures: 1 }]);
    net.silence(broker.port, false);
    await clock.advance(200);
    await connections.invoke(broker.address, request, 1000);
    expect(net.connectionCount(broker.port)).toBe(1);
  });

  test('one slow answer among others does not cost the connection', async () => {
    broker.intercept = ({ code }) => (code === RequestCode.PULL_MESSAGE ? null : undefined);
    const slow = connections.invoke(broker.address, { code: RequestCode.PULL_MESSAGE }, 1000);
    slow.catch(() => undefined);
    await clock.advance(500);
    await connections.invoke(broker.address, request, 1000);
    await clock.advance(600);
    await expect(slow).rejects.toBeInstanceOf(TimeoutError);
    expect(connections.health()).toMatchObject([{ connected: true, failures: 0 }]);
  });
});

test('after close nothing is connected, nothing waits and no timer is left', async () => {
  broker.intercept = () => null;
  const waiting = connections.invoke(broker.address, request, 60_000);
  waiting.catch(() => undefined);
  await clock.settle();
  const closing = connections.close();
  await clock.settle();
  await closing;
  await expect(waiting).rejects.toBeInstanceOf(ClosedError);
  await expect(connections.invoke(broker.address, request, 1000)).rejects.toBeInstanceOf(ClosedError);
  expect(net.connectionCount(broker.port)).toBe(0);
  await broker.close();
  expect(clock.timerCount).toBe(0);
});

test('a server that never closes its side is not waited for', async () => {
  await connections.invoke(broker.address, request, 1000);
  net.silence(broker.port);
  let closed = false;
  const closing = connections.close().then(() => (closed = true));
  await clock.advance(400);
  expect(closed).toBe(false);
  await clock.advance(200);
  await closing;
  expect(net.connectionCount(broker.port)).toBe(0);
});
