// Plants one import for each import rule and expects the rule to name it; a rule that never fires protects nothing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const DEPCRUISE = fileURLToPath(
  new URL('../../node_modules/dependency-cruiser/bin/dependency-cruise.mjs', import.meta.url),
);
const CONFIG = fileURLToPath(new URL('../../.config/dependency-cruiser.cjs', import.meta.url));

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

// [importing file, imported file or Node module, kind of import, rule that must fire]
const FORBIDDEN: [from: string, to: string, kind: 'type' | 'value', rule: string][] = [
  ['common/src/topic/a.ts', 'remoting/src/protocol/x.ts', 'type', 'common-imports'],
  ['remoting/src/transport/a.ts', 'broker/src/service/x.ts', 'type', 'remoting-imports'],
  ['nameserver/src/route/a.ts', 'broker/src/service/x.ts', 'type', 'nameserver-imports'],
  ['nameserver/src/route/b.ts', 'client-sdk/src/producer/x.ts', 'type', 'nameserver-imports'],
  ['client-sdk/src/producer/a.ts', 'broker/src/service/x.ts', 'type', 'client-sdk-imports'],
  ['console/src/a.ts', 'broker/src/service/x.ts', 'type', 'console-imports'],
  ['cli/src/a.ts', 'remoting/src/protocol/x.ts', 'type', 'cli-imports'],
  ['common/src/topic/b.ts', 'test/support/x.ts', 'type', 'product-without-tests'],
  ['remoting/src/protocol/a.ts', 'node:net', 'type', 'protocol-is-pure'],
  ['remoting/src/protocol/b.ts', 'node:fs', 'value', 'protocol-is-pure'],
  ['broker/src/doors/stomp/codec/a.ts', 'node:timers', 'value', 'protocol-is-pure'],
  ['remoting/src/protocol/c.ts', 'common/src/clock/x.ts', 'type', 'protocol-is-pure-ours'],
  ['remoting/src/protocol/d.ts', 'common/src/logging/x.ts', 'type', 'protocol-is-pure-ours'],
  ['remoting/src/protocol/e.ts', 'remoting/src/transport/x.ts', 'type', 'protocol-is-pure-ours'],
  ['broker/src/registration/a.ts', 'node:net', 'type', 'sockets-in-one-file'],
  ['broker/src/store/a.ts', 'remoting/src/protocol/x.ts', 'type', 'store-knows-no-protocol'],
  ['broker/src/store/b.ts', 'broker/src/topic/x.ts', 'type', 'store-knows-no-protocol'],
  ['broker/src/topic/a.ts', 'broker/src/service/x.ts', 'type', 'managers'],
  ['broker/src/topic/b.ts', 'broker/src/offset/x.ts', 'value', 'managers-apart'],
  ['broker/src/hold/a.ts', 'broker/src/service/x.ts', 'type', 'features'],
  ['broker/src/hold/b.ts', 'broker/src/retry/x.ts', 'type', 'features-apart'],
  ['broker/src/service/a.ts', 'broker/src/doors/http/x.ts', 'type', 'service-knows-no-door'],
  ['broker/src/service/b.ts', 'remoting/src/protocol/x.ts', 'type', 'service-knows-no-door'],
  ['broker/src/registration/b.ts', 'broker/src/store/x.ts', 'type', 'registration-tells-topics-only'],
  ['broker/src/doors/http/a.ts', 'broker/src/store/x.ts', 'type', 'doors'],
  ['broker/src/doors/http/b.ts', 'broker/src/hold/x.ts', 'type', 'doors'],
  ['broker/src/doors/http/c.ts', 'broker/src/doors/stomp/x.ts', 'type', 'doors-apart'],
  ['broker/src/doors/stomp/a.ts', 'remoting/src/protocol/x.ts', 'type', 'remoting-through-its-door'],
  ['broker/src/config/a.ts', 'broker/src/store/x.ts', 'type', 'shared-declarations'],
  ['broker/src/service/c.ts', 'broker/src/broker-controller.ts', 'type', 'composition-roots'],
  ['console/web/a.ts', 'console/src/x.ts', 'value', 'web-types-only'],
  ['console/web/b.ts', 'common/src/clock/x.ts', 'type', 'web-stays-in-the-browser'],
  ['console/web/c.ts', 'node:fs', 'value', 'web-no-node'],
  ['broker/src/hold/c.ts', 'broker/src/hold/index.ts', 'type', 'no-barrels'],
  ['broker/src/hold/d.ts', 'broker/src/hold/missing.ts', 'type', 'no-unresolved'],
  ['broker/src/hold/e.ts', 'node_modules/acorn/index.js', 'value', 'libraries-are-listed'],
  ['broker/src/hold/f.ts', 'node_modules/pino/index.js', 'value', 'library-pino'],
  ['broker/src/hold/cycle-a.ts', 'broker/src/hold/cycle-b.ts', 'type', 'no-cycles'],
];

const ALLOWED: [from: string, to: string, kind: 'type' | 'value'][] = [
  ['broker/src/service/ok.ts', 'broker/src/hold/x.ts', 'value'],
  ['broker/src/hold/ok.ts', 'broker/src/store/x.ts', 'value'],
  ['broker/src/topic/ok.ts', 'broker/src/offset/x.ts', 'type'],
  ['broker/src/doors/http/ok.ts', 'broker/src/service/x.ts', 'value'],
  ['broker/src/broker-controller.ts', 'broker/src/doors/http/x.ts', 'value'],
  ['console/web/ok.ts', 'console/src/x.ts', 'type'],
  ['common/src/net/node-net.ts', 'node:net', 'value'],
  ['common/src/config/ok.ts', 'common/src/disk/x.ts', 'value'],
];

let root: string;
let violations: Violation[];

function plant([from, to, kind]: readonly [string, string, 'type' | 'value', ...unknown[]]): void {
  const target = /^node:/.test(to) ? to : posix.relative(posix.dirname(from), to).replace(/^(?!\.)/, './');
  write(
    from,
    `import ${kind === 'type' ? 'type ' : ''}{ X } from '${target}';\nexport const y${kind === 'type' ? ': X = 1' : ' = X'};\n`,
  );
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'architecture-'));
  const rows = [...FORBIDDEN, ...ALLOWED];
  for (const [, to] of rows) {
    if (!to.startsWith('node:') && !to.endsWith('missing.ts'))
      write(to, 'export type X = number;\nexport const X = 1;\n');
  }
  rows.forEach(plant);
  plant(['broker/src/hold/cycle-b.ts', 'broker/src/hold/cycle-a.ts', 'type']);
  const folders = ['common', 'remoting', 'nameserver', 'broker', 'client-sdk', 'console', 'cli'];
  for (const folder of folders) write(`${folder}/package.json`, '{}');
  const run = spawnSync(
    process.execPath,
    [DEPCRUISE, '--config', CONFIG, '--output-type', 'json', ...folders],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  violations = (JSON.parse(run.stdout) as { summary: { violations: Violation[] } }).summary.violations;
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** Rules that fired for one importing file, without those about how the planted import is written. */
function firedFor(from: string): string[] {
  const spelling = new Set(['no-relative-across-packages', 'no-orphans', 'no-undeclared']);
  return violations
    .filter((found) => found.from === from && !spelling.has(found.rule.name))
    .map(({ rule }) => rule.name);
}

describe('forbidden', () => {
  test.each(FORBIDDEN)('%s → %s (%s): %s', (from, _to, _kind, rule) => {
    expect(firedFor(from)).toContain(rule);
  });
});

describe('allowed', () => {
  test.each(ALLOWED)('%s → %s (%s)', (from) => {
    expect(firedFor(from)).toEqual([]);
  });
});

test('an import across packages by a relative path', () => {
  expect(violations.some(({ rule }) => rule.name === 'no-relative-across-packages')).toBe(true);
});
