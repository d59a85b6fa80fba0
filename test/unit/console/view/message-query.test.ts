import type { MessageDetail, MessageList } from '@cometmq/console/api-contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleHarness } from '../console-harness.ts';

describe('MessageQuery', () => {
  let harness: ConsoleHarness;
  let start: number;
  beforeEach(async () => {
    harness = new ConsoleHarness();
    start = harness.clock.now();
    harness.admin.addTopic('orders', 3).addTopic('payments', 1);
    await harness.start();
  });
  afterEach(() => harness.stop());

  const send = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent++) {
      harness.admin.send('orders', {
        queueId: sent % 3,
        key: `k${sent}`,
        tag: sent % 2 ? 'odd' : 'even',
        body: `body ${sent}`,
      });
      await harness.clock.advance(10);
    }
  };
  const byTime = (more = '') =>
    harness.get<MessageList>(
      `/api/v1/messages/by-time?topic=orders&from=${start}&to=${harness.clock.now()}${more}`,
    );
  const keys = (body: MessageList): (string | undefined)[] => body.items.map((item) => item.keys[0]);

  it('finds a key in all topics and says how much was looked at', async () => {
    harness.admin.send('orders', { key: 'order-1 user-7', id: 'A'.repeat(32) });
    harness.admin.send('payments', { key: 'order-1' });
    const { body } = await harness.get<MessageList>('/api/v1/messages/by-key?key=order-1');
    expect(body).toMatchObject({ scanned: 2, matched: 2, complete: true, notes: [] });
    expect(
      (await harness.get<MessageList>('/api/v1/messages/by-key?key=order-1&topic=payments')).body.matched,
    ).toBe(1);
    expect((await harness.get<MessageList>('/api/v1/messages/by-key?key=order')).body.matched).toBe(0);
  });

  it('finds by the id of the sender and of the broker', async () => {
    const sent = harness.admin.send('orders', { id: '7F0000010001'.padEnd(32, '0') });
    expect((await harness.get<MessageList>(`/api/v1/messages/by-id?id=${sent.messageId}`)).body.matched).toBe(
      1,
    );
    expect(
      (await harness.get<MessageList>(`/api/v1/messages/by-id?id=${sent.offsetMessageId}`)).body.matched,
    ).toBe(1);
    expect(harness.admin.calls).toContain('viewMessage');
  });

  it('says when a topic could not be searched', async () => {
    harness.admin.failures = ['broker-b: timed out'];
    const { body } = await harness.get<MessageList>('/api/v1/messages/by-key?key=x&topic=orders');
    expect(body).toMatchObject({ complete: false, notes: ['broker-b: timed out'] });
  });

  it('lists a time newest first over all queues, page by page, each message once', async () => {
    await send(200);
    const seen: (string | undefined)[] = [];
    let cursor = '';
    let pages = 0;
    do {
      const { body } = await byTime(`&limit=60${cursor}`);
      seen.push(...keys(body));
      expect(body.complete).toBe(body.nextCursor === undefined);
      cursor = body.nextCursor === undefined ? '' : `&cursor=${body.nextCursor}`;
      pages++;
    } while (cursor !== '');
    expect(pages).toBe(4);
    expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => `k${199 - index}`));
  });

  it('keeps to the time asked for', async () => {
    await send(30);
    const { body } = await harness.get<MessageList>(
      `/api/v1/messages/by-time?topic=orders&from=${start + 100}&to=${start + 140}`,
    );
    expect(keys(body)).toEqual(['k14', 'k13', 'k12', 'k11', 'k10']);
    expect(body.complete).toBe(true);
  });

  it('filters by tag and text, and counts what it looked at', async () => {
    await send(20);
    expect((await byTime('&tag=odd')).body).toMatchObject({ scanned: 20, matched: 10, complete: true });
    expect(keys((await byTime('&text=body%2019')).body)).toEqual(['k19']);
  });

  it('stops at its bound and says so', async () => {
    for (let sent = 0; sent < 2_500; sent++) harness.admin.send('orders', { queueId: sent % 3 });
    const { body } = await byTime('&tag=rare');
    expect(body).toMatchObject({ scanned: 2_000, matched: 0, complete: false });
    expect(body.notes[0]).toContain('2000');
    const rest = await byTime(`&tag=rare&cursor=${body.nextCursor ?? ''}`);
    expect(rest.body).toMatchObject({ scanned: 500, complete: true });
  });

  it('reads on from an offset', async () => {
    await send(9);
    const { body } = await harness.get<MessageList>(
      '/api/v1/messages/by-offset?topic=orders&broker=broker-a&queueId=1&offset=1&limit=2',
    );
    expect(keys(body)).toEqual(['k4', 'k7']);
    expect(body.nextCursor).toBe('3');
  });

  it('shows a message with body, properties by owner, place and times', async () => {
    harness.admin.send('orders', {
      key: 'k',
      body: '{"a":1}',
      properties: { MSG_REGION: 'r', trace: 't', __proto__x: 'y' },
    });
    const { body } = await harness.get<MessageDetail>(
      '/api/v1/messages/detail?topic=orders&broker=broker-a&queueId=0&offset=0',
    );
    expect(body).toMatchObject({
      bodyBase64: Buffer.from('{"a":1}').toString('base64'),
      bodyTruncated: false,
      userProperties: { trace: 't', __proto__x: 'y' },
      systemProperties: { KEYS: 'k', MSG_REGION: 'r' },
      storeHost: '127.0.0.1:10911',
    });
    expect(
      (await harness.get('/api/v1/messages/detail?topic=orders&broker=broker-a&queueId=0&offset=9')).status,
    ).toBe(404);
  });

  it('sends the start of a large body and says so', async () => {
    harness.admin.send('orders', { body: Buffer.alloc(300_000, 'x') });
    const { body } = await harness.get<MessageDetail>(
      '/api/v1/messages/detail?topic=orders&broker=broker-a&queueId=0&offset=0',
    );
    expect(body).toMatchObject({ bodyTruncated: true, bodyBytes: 300_000 });
    expect(Buffer.from(body.bodyBase64, 'base64').length).toBe(256 * 1024);
  });

  it('previews text only', async () => {
    harness.admin.send('orders', { body: '字'.repeat(300) });
    harness.admin.send('orders', { body: Buffer.from([0, 1, 2, 255]) });
    const { body } = await harness.get<MessageList>(
      '/api/v1/messages/by-offset?topic=orders&broker=broker-a&queueId=0&offset=0',
    );
    expect(body.items[0]?.bodyPreview).toBe('字'.repeat(160));
    expect(body.items[1]).not.toHaveProperty('bodyPreview');
  });
});
