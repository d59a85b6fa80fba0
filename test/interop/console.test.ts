import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createClient, type MqClient } from '@cometmq/client';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { silentLogger } from '@cometmq/common/logging/logger';
import { SystemRandom } from '@cometmq/common/random/system-random';
import { ConsoleServer } from '@cometmq/console/console-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, TestBrowser } from './support/browser.ts';
import { repositoryFolder } from './support/paths.ts';
import { waitUntil } from './support/wait.ts';
import { theWorld } from './support/world.ts';

const SENT = 60;
const executable = chromiumPath();
const title =
  executable === undefined
    ? 'the console in a browser (skipped: no chromium, apt-get install chromium)'
    : 'the console in a browser';

describe.skipIf(executable === undefined)(title, () => {
  let browser: TestBrowser;
  let server: ConsoleServer;
  let mq: MqClient;
  const undo: (() => Promise<void>)[] = [];
  let topic: string;
  let group: string;
  let base: string;
  let consumed = 0;

  beforeAll(async () => {
    execFileSync('npm', ['run', 'build', '-w', '@cometmq/console'], {
      cwd: repositoryFolder,
      stdio: 'ignore',
    });
    const world = await theWorld();
    topic = await world.topic('console');
    group = world.name('GID_console');
    mq = createClient({ nameServers: world.namesrv });
    undo.push(() => mq.close({ drain: '2s' }));
    const worker = mq.consume({
      group,
      topics: [topic],
      startFrom: 'earliest',
      handle: () => {
        consumed++;
      },
    });
    await worker.ready();
    const producer = mq.producer();
    for (let sent = 0; sent < SENT; sent++) {
      await producer.send(topic, {
        body: JSON.stringify({ orderId: `order-${sent}`, amount: sent / 4 }),
        tag: sent % 2 === 0 ? 'created' : 'paid',
        keys: [`order-${sent}`],
        properties: { region: 'eu' },
      });
    }
    await waitUntil('all messages are consumed', () => consumed >= SENT);
    server = new ConsoleServer({
      clock: new SystemClock(),
      random: new SystemRandom(),
      log: silentLogger,
      nameServers: [world.namesrv],
      port: 0,
      webFolder: join(repositoryFolder, 'console/dist/web'),
    });
    await server.start();
    undo.push(() => server.stop());
    base = `http://127.0.0.1:${server.port}`;
    browser = await TestBrowser.start(executable ?? '');
    undo.push(() => browser.stop());
  }, 600_000);

  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  });

  test('the overview shows brokers and rates, live', async () => {
    const { page } = browser;
    await page.goto(base);
    await page.locator('.live.live').waitFor();
    await page.getByText('broker-a').first().waitFor();
    await page.locator('.chart canvas').waitFor();
    await page.locator('.tile', { hasText: 'In' }).locator('.tile-value').first().waitFor();
    await browser.picture('overview');
  });

  test('topics by keyboard, with queues and consumers', async () => {
    const { page } = browser;
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('link', { name: topic }).click();
    await page.locator('.tile', { hasText: 'Messages kept' }).getByText(String(SENT)).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(4);
    await browser.picture('topic');
    await page.getByRole('link', { name: /^Consumers/ }).click();
    await page.locator('tbody').getByRole('link', { name: group }).waitFor();
  });

  test('groups by keyboard, with lag and clients', async () => {
    const { page } = browser;
    await page.keyboard.press('g');
    await page.keyboard.press('g');
    await page.getByRole('link', { name: group }).first().click();
    await page.locator('.tile', { hasText: 'Clients' }).getByText('1', { exact: true }).waitFor();
    // Offsets are committed every few seconds.
    await page
      .locator('.tile', { hasText: 'Caught up in' })
      .getByText('caught up', { exact: true })
      .waitFor({ timeout: 30_000 });
    await browser.picture('group');
    await page
      .getByRole('link', { name: /^Clients/ })
      .last()
      .click();
    await page.getByRole('button', { name: 'Ask the client' }).first().click();
    await page.locator('dialog').getByText('Properties').waitFor();
    await browser.picture('client');
    await page.keyboard.press('Escape');
  });

  test('a rewind: preview, typed confirmation, result, and the messages come again', async () => {
    const { page } = browser;
    await page.getByRole('link', { name: 'Rewind' }).click();
    await page.getByLabel('Move to').selectOption('earliest');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByText(`${SENT} messages will be delivered again`).waitFor();
    await browser.picture('rewind-preview');
    const before = consumed;
    await page.getByRole('button', { name: 'Move the group' }).click();
    const dialog = page.locator('dialog[open]');
    const confirm = dialog.getByRole('button', { name: 'Move the group' });
    await dialog.getByRole('textbox').fill('something else');
    expect(await confirm.isDisabled()).toBe(true);
    await dialog.getByRole('textbox').fill(group);
    await confirm.click();
    await page.getByText('The group was moved.').waitFor();
    await browser.picture('rewind-result');
    await waitUntil('the messages come again', () => consumed >= before + SENT, 60_000);
  });

  test('a business key typed into the search box leads to the message', async () => {
    const { page } = browser;
    await page.keyboard.press('/');
    await page.keyboard.type('order-7');
    await page.keyboard.press('Enter');
    await page.locator('tbody').getByRole('button', { name: 'order-7' }).click();
    const drawer = page.locator('dialog.drawer');
    await drawer.getByText('"orderId": "order-7"').waitFor();
    await drawer.getByText('region', { exact: true }).waitFor();
    await drawer.getByRole('button', { name: 'Hex' }).click();
    await drawer.getByText('7b 22 6f 72 64 65 72').waitFor();
    await browser.picture('message');
    // The address is the view: a reload shows the same message.
    await page.reload();
    await drawer.getByText('"orderId": "order-7"').waitFor();
    await page.keyboard.press('Escape');
  });

  test('messages by topic and time, newest first, filtered by tag', async () => {
    const { page } = browser;
    await page.goto(`${base}/messages?mode=time&topic=${topic}&last=1h&tag=paid`);
    await page.getByText(`${SENT / 2} matched, ${SENT} looked at`).waitFor();
    expect(await page.locator('tbody tr').first().textContent()).toContain(`order-${SENT - 1}`);
    await browser.picture('messages');
  });

  test('no page is wider than a phone', async () => {
    const { page } = browser;
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of [
      '/',
      '/topics',
      `/topics/${topic}`,
      '/groups',
      `/groups/${group}`,
      `/groups/${group}/rewind`,
      '/messages',
    ]) {
      await page.goto(base + path);
      await page.locator('h1').waitFor();
      await page.locator('.skeleton').waitFor({ state: 'detached' });
      const extra = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
      expect(extra, path).toBeLessThanOrEqual(0);
    }
    await browser.picture('phone');
    await page.setViewportSize({ width: 1360, height: 860 });
  });

  test('the pages raise no error, and the dot says when the console is gone', async () => {
    expect(browser.faults).toEqual([]);
    await browser.page.goto(base);
    await browser.page.locator('.live.live').waitFor();
    await server.stop();
    await browser.page.locator('.live.offline').waitFor({ timeout: 15_000 });
    await browser.picture('offline');
  });
});
