import type { ApiErrorBody, RewindPreview, RewindResult } from '@cometmq/console/api-contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleHarness } from '../console-harness.ts';

const client = { clientId: 'c1', address: '127.0.0.1:5000', language: 'JAVA', version: '5.4.0' };

describe('Rewind', () => {
  let harness: ConsoleHarness;
  beforeEach(async () => {
    harness = new ConsoleHarness();
    harness.admin.addTopic('orders', 2).addGroup('billing', ['orders']).addGroup('other', ['orders']);
    for (let sent = 0; sent < 10; sent++) {
      harness.admin.send('orders', { queueId: sent % 2 });
      await harness.clock.advance(1_000);
    }
    harness.admin.commit('billing', 'orders', 0, 4);
    harness.admin.commit('billing', 'orders', 1, 1);
    await harness.start();
  });
  afterEach(() => harness.stop());

  const preview = (target: object, group = 'billing') =>
    harness.send<RewindPreview & ApiErrorBody>('POST', `/api/v1/groups/${group}/rewind/preview`, {
      topic: 'orders',
      target,
    });
  const apply = (token: string, confirm = 'billing', group = 'billing') =>
    harness.send<RewindResult & ApiErrorBody>('POST', `/api/v1/groups/${group}/rewind`, { token, confirm });

  it('shows for each queue from, to and how many, and changes nothing', async () => {
    const { status, body } = await preview({ kind: 'time', atMs: harness.clock.now() - 6_000 });
    expect(status).toBe(200);
    expect(body.queues).toEqual([
      { broker: 'broker-a', queueId: 0, from: 4, to: 2, replayed: 2, skipped: 0, minOffset: 0, maxOffset: 5 },
      { broker: 'broker-a', queueId: 1, from: 1, to: 2, replayed: 0, skipped: 1, minOffset: 0, maxOffset: 5 },
    ]);
    expect(body).toMatchObject({ replayed: 2, skipped: 1, onlineClients: 0, path: 'offline' });
    expect(harness.admin.calls).not.toContain('applyReset');
  });

  it('applies a plan once', async () => {
    const { body } = await preview({ kind: 'earliest' });
    const { status, body: result } = await apply(body.token);
    expect(status).toBe(200);
    expect(result).toMatchObject({
      complete: true,
      path: 'offline',
      queues: [
        { from: 4, to: 0, now: 0 },
        { from: 1, to: 0, now: 0 },
      ],
    });
    expect((await apply(body.token)).status).toBe(400);
    expect(harness.admin.calls.filter((call) => call === 'applyReset').length).toBe(1);
  });

  it('lets two clicks at once be one move', async () => {
    const { body } = await preview({ kind: 'latest' });
    const answers = await Promise.all([apply(body.token), apply(body.token)]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 400]);
  });

  it('wants the group typed, and keeps the plan for a second try', async () => {
    const { body } = await preview({ kind: 'latest' });
    expect((await apply(body.token, 'Billing')).status).toBe(400);
    expect((await apply(body.token, 'billing')).status).toBe(200);
  });

  it('refuses a plan of another group, an unknown one and one that is too old', async () => {
    const { body } = await preview({ kind: 'latest' });
    expect((await apply(body.token, 'other', 'other')).status).toBe(400);
    expect((await apply('made-up')).status).toBe(400);
    await harness.clock.advance(5 * 60_000);
    expect((await apply(body.token)).status).toBe(400);
    expect(harness.admin.calls).not.toContain('applyReset');
  });

  it('refuses when the group went online after the preview', async () => {
    const { body } = await preview({ kind: 'latest' });
    harness.admin.setClients('billing', [client]);
    const { status, body: refused } = await apply(body.token);
    expect(status).toBe(400);
    expect(refused.error.message).toContain('came online');
  });

  it('makes no plan while a broker is silent, nor for the future', async () => {
    expect((await preview({ kind: 'time', atMs: harness.clock.now() + 1 })).status).toBe(400);
    harness.admin.failures = ['timed out'];
    expect((await preview({ kind: 'latest' })).status).toBe(503);
  });

  it('keeps a bounded number of plans, the newest ones', async () => {
    const tokens: string[] = [];
    for (let made = 0; made < 70; made++) tokens.push((await preview({ kind: 'latest' })).body.token);
    expect(new Set(tokens).size).toBe(70);
    expect((await apply(tokens[0] ?? '')).status).toBe(400);
    expect((await apply(tokens[69] ?? '')).status).toBe(200);
  });
});
