// Plants one violation for each port and expects lint to name the replacement.
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const eslint = new ESLint({
  cwd: ROOT,
  overrideConfigFile: '.config/eslint.config.js',
  ruleFilter: ({ ruleId }) => ruleId.includes('no-restricted'),
});

async function messages(code: string, filePath: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: `${ROOT}${filePath}` });
  return result?.messages.map(({ message }) => message) ?? [];
}

// Any existing file that implements no port.
const ORDINARY = 'common/src/clock/clock.ts';

test.each([
  ['export const a = Date.now();', 'Take a Clock'],
  ['export const a = new Date();', 'Take a Clock'],
  ['export const a = performance.now();', 'Take a Clock'],
  ['setTimeout(() => undefined, 1);', 'Take a Clock'],
  ['setInterval(() => undefined, 1);', 'Take a Clock'],
  ['setImmediate(() => undefined);', 'Take a Clock'],
  ["import { setTimeout } from 'node:timers/promises'; await setTimeout(1);", 'Take a Clock'],
  ['export const a = Math.random();', 'Take a RandomSource'],
  ["import { randomBytes } from 'node:crypto'; randomBytes(1);", 'Take a RandomSource'],
  ["import crypto from 'node:crypto'; crypto.randomUUID();", 'Take a RandomSource'],
  ["export const a = process.env['HOME'];", 'Configuration arrives'],
  ["import { readFileSync } from 'node:fs'; readFileSync('x');", 'Take a Disk'],
  ["import { readFile } from 'fs/promises'; await readFile('x');", 'Take a Disk'],
  ["import { connect } from 'node:net'; connect(1);", 'Take a Net'],
  ["import { connect } from 'node:tls'; connect(1);", 'Take a Net'],
  ["import { createServer } from 'node:http'; createServer();", 'Only the HTTP door'],
  ["console.log('x');", 'Take a Logger'],
  ['export default 1;', 'Export by name'],
])('%s', async (code, expected) => {
  expect(await messages(code, ORDINARY)).toEqual([expect.stringContaining(expected)]);
});

test.each([
  ['export const a = new Date(0);', ORDINARY],
  ["import { isIPv4 } from 'node:net'; isIPv4('::1');", ORDINARY],
  ["import { createHash } from 'node:crypto'; createHash('md5');", ORDINARY],
  ['export const a = Date.now();', 'common/src/clock/system-clock.ts'],
  ["import { openSync } from 'node:fs'; openSync('x');", 'common/src/disk/node-disk.ts'],
  ["import { connect } from 'node:net'; connect(1);", 'common/src/net/node-net.ts'],
])('%s is fine in %s', async (code, filePath) => {
  expect(await messages(code, filePath)).toEqual([]);
});

test('a port file may use its own port only', async () => {
  expect(await messages('export const a = Math.random();', 'common/src/clock/system-clock.ts')).toHaveLength(
    1,
  );
});
