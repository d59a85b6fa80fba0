import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { JobResult, PublishJob } from '../../bench/src/load/job.ts';
import { publish } from '../../bench/src/load/publish.ts';

// The generator against a server that answers as it is told: figures are not asserted, only that nothing is miscounted.

let server: Server | undefined;
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
});

type Answer = (opaque: number, number: number) => string | undefined;

async function listen(answer: Answer): Promise<number> {
  let number = 0;
  server = createServer((socket) => {
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = frameSize(rest); size <= rest.length; size = frameSize(rest)) {
        const header = rest.toString('utf8', 8, 8 + rest.readInt32BE(4));
        rest = rest.subarray(size);
        const text = answer(Number(/"opaque":(\d+)/.exec(header)?.[1]), number++);
        if (text === undefined) socket.destroy();
        else if (text !== '') socket.write(frame(text));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function frameSize(bytes: Buffer): number {
  return bytes.length < 8 ? Infinity : 4 + bytes.readInt32BE(0);
}

function frame(text: string): Buffer {
  const bytes = Buffer.alloc(8 + text.length);
  bytes.writeInt32BE(4 + text.length, 0);
  bytes.writeInt32BE(text.length, 4);
  bytes.write(text, 8, 'latin1');
  return bytes;
}

const success = (opaque: number): string =>
  `{"code":0,"extFields":{"queueOffset":"1"},"flag":1,"opaque":${opaque}}`;
const refusal = (opaque: number): string =>
  `{"code":2,"flag":1,"opaque":${opaque},"remark":"[OVERLOAD] busy"}`;

function load(port: number, options: Partial<PublishJob>): Promise<JobResult> {
  return publish({
    kind: 'publish',
    port,
    serverPid: undefined,
    warmupMs: 0,
    measureMs: 200,
    topic: 'T',
    group: 'G',
    brokerName: 'broker-a',
    bodySize: 64,
    serialization: 'json',
    batchMembers: 0,
    queues: 4,
    stopAfter: 0,
    connections: 3,
    depth: 5,
    ...options,
  });
}

it('counts what was acknowledged, and nothing else', async () => {
  let asked = 0;
  const port = await listen((opaque, number) => {
    asked = number + 1;
    return success(opaque);
  });
  const { messages, latency, errors, seconds } = await load(port, {});
  expect(errors).toEqual([]);
  expect(messages).toBeGreaterThan(0);
  expect(messages).toBeLessThanOrEqual(asked);
  expect(latency.counts.reduce((sum, count) => sum + count, 0)).toBe(messages);
  expect(seconds).toBeGreaterThan(0.15);
});

it('sends as many messages as it was asked to', async () => {
  let asked = 0;
  const port = await listen((opaque, number) => {
    asked = number + 1;
    return success(opaque);
  });
  const { errors } = await load(port, { stopAfter: 1_000 });
  expect(errors).toEqual([]);
  expect(asked).toBe(1_000);
});

it('reports every refusal with its code and remark', async () => {
  const port = await listen((opaque, number) => (number % 4 === 3 ? refusal(opaque) : success(opaque)));
  const { errors } = await load(port, { stopAfter: 400 });
  expect(errors).toEqual([{ what: 'code 2: [OVERLOAD] busy', count: 100 }]);
});

it('reports answers that were not asked for', async () => {
  const port = await listen((opaque, number) => success(number === 10 ? opaque + 1 : opaque));
  const { errors } = await load(port, { connections: 1 });
  expect(errors).toEqual([{ what: 'an answer to nothing that was asked', count: 1 }]);
});

it('reports lost connections', async () => {
  const port = await listen((opaque, number) => (number === 7 ? undefined : success(opaque)));
  const { errors } = await load(port, { connections: 1 });
  expect(errors).toEqual([{ what: 'connection lost: the server closed the connection', count: 1 }]);
});
