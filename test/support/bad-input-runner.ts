// Sends one case of test/fixtures/bad-input.json to a server and checks what the server makes of it.
import { expect } from 'vitest';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { OPAQUE, buildFrame, type BadInput, type Expectation } from './bad-input.ts';
import { WireClient } from './wire-client.ts';

/** A server under test. */
export interface Target {
  readonly port: number;
  /** A normal request, answered as it should be. */
  probe(client: WireClient): Promise<void>;
  /** Waits until nothing is left of the case but what it may store. */
  expectClean(client: WireClient, item: BadInput): Promise<void>;
}

/** Buffers may grow by this much while a case's connections are open, whatever they announced. */
const BUFFERS_GROWTH_MAX = 16 * 1024 * 1024;
const HEAP_GROWTH_MAX = 96 * 1024 * 1024;

const PROTOTYPE_NAMES = Object.getOwnPropertyNames(Object.prototype).join();

export async function runBadInput(target: Target, item: BadInput): Promise<void> {
  const bytes = Buffer.concat(item.send.map(buildFrame));
  const before = process.memoryUsage();
  const clients = await Promise.all(
    Array.from({ length: item.connections ?? 1 }, () => WireClient.open(target.port)),
  );
  const fresh = await openAfter(target, () => {
    for (const client of clients) client.send(bytes);
  });
  try {
    for (const client of clients) await expectOutcome(target, client, item.expect, item.send.length);
    await target.probe(fresh);
    if (item.expect === 'open') for (const client of clients) expectUntouched(client);
    if (item.connections !== undefined) expectBounded(before);
  } finally {
    for (const client of clients) client.close();
  }
  await target.expectClean(fresh, item);
  fresh.close();
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(PROTOTYPE_NAMES);
}

async function openAfter(target: Target, act: () => void): Promise<WireClient> {
  act();
  return WireClient.open(target.port);
}

async function expectOutcome(
  target: Target,
  client: WireClient,
  expected: Expectation,
  frames: number,
): Promise<void> {
  if (expected === 'open') return;
  if (expected === 'silent') {
    await target.probe(client);
    expect(client.received).toHaveLength(1);
    return;
  }
  if (expected === 'closed') {
    await client.until('the connection to be closed', () => client.closed);
    expect(client.received.length).toBeLessThan(frames);
    return;
  }
  const { code, count = 1, opaque = OPAQUE } = expected;
  const answers = (): RemotingCommand[] => client.received.filter(({ response }) => response);
  await client.until(`${count} answers`, () => answers().length >= count || client.closed);
  expect(client.closed, 'closed instead of answered').toBe(false);
  expect(answers()).toHaveLength(count);
  for (const answer of answers()) {
    expect(answer).toMatchObject({ response: true, opaque });
    if (code === 'error') expect(answer.code).not.toBe(0);
    else if (code !== 'any') expect(`${answer.code} ${answer.remark ?? ''}`).toMatch(new RegExp(`^${code} `));
  }
}

function expectUntouched(client: WireClient): void {
  expect(client.closed).toBe(false);
  expect(client.received).toEqual([]);
}

function expectBounded(before: NodeJS.MemoryUsage): void {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  expect(arrayBuffers - before.arrayBuffers).toBeLessThan(BUFFERS_GROWTH_MAX);
  expect(heapUsed - before.heapUsed).toBeLessThan(HEAP_GROWTH_MAX);
}
