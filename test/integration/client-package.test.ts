// The package that users install, and the example of the README as it stands there.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CometProcess } from '../support/comet-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
let folder: string;
let servers: CometProcess;
let nameServer: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'comet-package-'));
  await run('npm', ['pack', '-w', '@cometmq/client', '--pack-destination', folder], { cwd: ROOT });
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  const packed = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  // Without a network: it depends on nothing.
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...packed], { cwd: folder });
  const anyPorts = ['--set', 'namesrv.port=0', '--set', 'broker.port=0'];
  servers = new CometProcess(['dev', '--no-console', '--data', join(folder, 'data'), ...anyPorts]);
  nameServer = (await servers.ready()).namesrv ?? '';
}, 60_000);

afterAll(async () => {
  expect(await servers.stop()).toBe(0);
  rmSync(folder, { recursive: true, force: true });
});

test("the README's first message arrives, on a fresh broker without the topic", async () => {
  const [, example = ''] = /```ts\n(.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
  expect(example).toContain('127.0.0.1:9876');
  const file = join(folder, 'first.mjs');
  writeFileSync(file, example.replace('127.0.0.1:9876', nameServer));
  const program = execFile(process.execPath, [file], { cwd: folder });
  let out = '';
  for await (const chunk of program.stdout ?? []) {
    out += String(chunk);
    if (out.includes("[ 'A1' ] created")) program.kill('SIGINT');
  }
  expect(out).toMatch(/^SEND_OK [0-9A-F]{32}\n\[ 'A1' \] created\n$/);
  expect(program.exitCode ?? 0).toBe(0);
});

test('require gives the same functions as import', async () => {
  const program = `const required = require('@cometmq/client');
    import('@cometmq/client').then((imported) => {
      console.log(Object.keys(imported).every((name) => typeof required[name] === typeof imported[name]));
    });`;
  const { stdout } = await run(process.execPath, ['-e', program], { cwd: folder });
  expect(stdout).toBe('true\n');
});
