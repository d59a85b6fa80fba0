// The built binary as a user meets it: servers in one process, verbs in others.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CometReady } from '../support/comet-process.ts';
import { CometProcess, comet } from '../support/comet-process.ts';

const ANY_PORTS = ['--set', 'namesrv.port=0', '--set', 'broker.port=0', '--set', 'console.port=0'];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'comet-cli-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('comet dev', () => {
  let servers: CometProcess;
  let ready: CometReady;

  beforeAll(async () => {
    const portsFile = join(folder, 'ports.json');
    servers = new CometProcess([
      'dev',
      '--data',
      join(folder, 'dev'),
      '--ports-file',
      portsFile,
      ...ANY_PORTS,
    ]);
    ready = await servers.ready();
  });

  afterAll(async () => {
    expect(await servers.stop()).toBe(0);
  });

  const run = async (
    line: string,
    input?: string,
  ): Promise<{ exitCode: number | null; out: string; err: string }> =>
    comet([...line.split(' '), '-n', ready.namesrv ?? ''], input === undefined ? {} : { input });

  test('says in one line of JSON what runs where, and writes the same to a file', () => {
    expect(ready).toMatchObject({
      event: 'ready',
      mode: 'dev',
      durability: 'sync',
      broker: { name: 'broker-a' },
    });
    expect(JSON.parse(readFileSync(join(folder, 'ports.json'), 'utf8'))).toEqual(ready);
  });

  test('the console answers', async () => {
    expect((await fetch(`${ready.console ?? ''}/api/v1/cluster`)).status).toBe(200);
  });

  test('the first five minutes: a topic, a message, a group, a rewind', async () => {
    expect(await run('topic create orders --queues 2 --type NORMAL')).toMatchObject({ exitCode: 0 });
    expect((await run('topic create orders')).exitCode).toBe(9);
    expect((await run('topic list -o name')).out).toBe('orders\n');

    const sent = await run('topic send orders --key order-1 --tag created -o json -', 'hello');
    expect(sent.err).toBe('');
    const { messageId, offsetMessageId, broker, queueId, durability } = JSON.parse(sent.out) as Record<
      string,
      string
    >;
    expect(durability).toBe('synced');

    const byKey = JSON.parse((await run('message find --topic orders --key order-1 -o json')).out) as {
      messages: unknown[];
    };
    expect(byKey.messages).toMatchObject([{ messageId, body: 'hello', tag: 'created' }]);
    for (const id of [messageId, offsetMessageId]) {
      expect((await run(`message get ${id ?? ''} --topic orders -o json`)).out).toContain('"body": "hello"');
    }
    expect((await run(`message at ${broker ?? ''}/${queueId ?? ''} 0 --topic orders -o name`)).out).toBe(
      `${messageId ?? ''}\n`,
    );
    expect((await run('topic peek orders -o ndjson')).out.trim().split('\n')).toHaveLength(1);
    expect((await run('topic stats orders')).err).toContain('total 1 messages');

    expect((await run('group create billing')).exitCode).toBe(0);
    expect((await run('offset reset billing --topic orders --to earliest --yes')).exitCode).toBe(0);
    expect(JSON.parse((await run('group lag billing -o json')).out)).toMatchObject({
      group: 'billing',
      lag: 1,
    });
    expect((await run('offset skip billing --topic orders')).exitCode).toBe(8);
    expect((await run('offset skip billing --topic orders --yes')).exitCode).toBe(0);
    expect(JSON.parse((await run('group lag billing -o json')).out)).toMatchObject({ lag: 0 });
    expect((await run('topic groups orders -o name')).out).toBe('billing\n');
    expect((await run(`message who ${messageId ?? ''} --topic orders`)).out).toMatch(/billing +CONSUMED/);

    expect((await run('topic delete orders --yes')).exitCode).toBe(0);
    expect((await run('topic get orders')).exitCode).toBe(3);
  });

  test('cluster and broker verbs', async () => {
    expect((await run('cluster list -o name')).out).toBe('broker-a\n');
    expect((await run('cluster status')).out).toMatch(/broker-a +0 +127\.0\.0\.1:\d+ +up/);
    expect((await run('broker config get broker-a brokerName -o name')).out).toBe('broker-a\n');
    expect((await run('namesrv kv put NS k v')).exitCode).toBe(0);
    expect((await run('namesrv kv get NS k -o name')).out).toBe('v\n');
  });

  test('a second broker on the same folder is refused', async () => {
    const second = await comet(['dev', '--data', join(folder, 'dev'), '--no-console', ...ANY_PORTS]);
    expect(second.exitCode).not.toBe(0);
    expect(second.err).toMatch(/is using the data folder/);
  });
});

describe('paths that can not be used', () => {
  test.each([
    ['--data', 'file', 'a file is where a folder is needed'],
    ['--data', 'file/below', 'a file is where a folder is needed'],
    ['--ports-file', 'missing/ports.json', 'the folder above it does not exist'],
  ])('%s %s is refused with a reason, without a stack trace', async (option, path, why) => {
    writeFileSync(join(folder, 'file'), '');
    const data = option === '--data' ? [] : ['--data', join(folder, 'paths')];
    const run = await comet(['dev', option, join(folder, path), ...data, '--no-console', ...ANY_PORTS]);
    expect(run.exitCode).toBe(1);
    expect(run.err).toMatch(/^error MQ-FILE: /);
    expect(run.err).toContain(why);
    expect(run.err.trimEnd().split('\n')).toHaveLength(3);
  });

  test('no data folder at all is a wrong setting', async () => {
    const run = await comet(['dev', '--data', '', ...ANY_PORTS]);
    expect(run).toMatchObject({ exitCode: 2, out: '' });
    expect(run.err).toContain('MQ-CONFIG: data: ');
  });

  test.runIf(existsSync('/proc/self'))('a folder that can not be made ends at once', async () => {
    const run = await comet(['dev', '--data', '/proc/comet', '--no-console', ...ANY_PORTS]);
    expect(run.exitCode).toBe(1);
    expect(run.err).toContain('MQ-FILE');
  });
});

describe('ports that are taken', () => {
  test('dev takes the next free one and says so, start refuses', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => {
      holder.listen(0, '127.0.0.1', resolve);
    });
    const { port } = holder.address() as { port: number };
    try {
      const start = await comet([
        'start',
        '--role',
        'namesrv',
        '--port',
        `${port}`,
        '--data',
        join(folder, 'ns'),
      ]);
      expect(start.exitCode).toBe(9);
      expect(start.err).toMatch(new RegExp(`MQ-PORT: port ${port} of the name server is taken`));

      const others = ['--set', 'broker.port=0', '--no-console', '--data', join(folder, 'dev2')];
      const dev = new CometProcess(['dev', '--set', `namesrv.port=${port}`, ...others]);
      const { namesrv } = await dev.ready();
      expect(Number(namesrv?.split(':')[1])).toBeGreaterThan(port);
      expect(dev.err).toContain(`port ${port} is taken: the name server uses `);
      expect(await dev.stop('SIGINT')).toBe(0);
    } finally {
      holder.close();
    }
  });
});

describe('comet start', () => {
  test('roles in processes of their own', async () => {
    const nameServer = new CometProcess([
      'start',
      '--role',
      'namesrv',
      '--port',
      '0',
      '--data',
      join(folder, 'r1'),
    ]);
    const { namesrv = '' } = await nameServer.ready();
    const place = [
      '--port',
      '0',
      '--data',
      join(folder, 'r2'),
      '--name',
      'broker-z',
      '--cluster',
      'Z',
      '--flush',
      'async',
    ];
    const broker = new CometProcess(['start', '--role', 'broker', '-n', namesrv, ...place]);
    expect(await broker.ready()).toMatchObject({
      broker: { name: 'broker-z', cluster: 'Z' },
      durability: 'async',
    });
    const { out } = await comet(['cluster', 'list', '-n', namesrv, '-o', 'csv']);
    expect(out).toMatch(/^Z,broker-z,0,master,127\.0\.0\.1:\d+$/m);
    expect(await broker.stop()).toBe(0);
    expect((await comet(['cluster', 'list', '-n', namesrv, '-o', 'name'])).out).toBe('');
    expect(await nameServer.stop()).toBe(0);
  });

  test('wrong settings are named, each with its place', async () => {
    const { exitCode, err } = await comet(['start', '--set', 'broker.nmae=x', '--flush', 'sometimes']);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/MQ-CONFIG: .*broker\.nmae: unknown key, did you mean broker\.name\?/);
    expect(err).toContain('broker.flush');
  });

  test('a broker needs name servers', async () => {
    expect(await comet(['start', '--role', 'broker'])).toMatchObject({ exitCode: 2, out: '' });
  });
});
