// Who looks into a data folder with the page beside it must find everything there.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readRepository } from './repository-files.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../../docs/storage.md', import.meta.url)), 'utf8');
const SOURCES = readRepository().filter(({ path }) => path.startsWith('broker/src/'));

test('every family of keys in the settings store is described', () => {
  const names = SOURCES.filter(
    ({ text = '' }) => text.includes('KeyValue') || text.includes("'timer/"),
  ).flatMap(({ text = '' }) =>
    [...text.matchAll(/const (?:[A-Z_]*_)?(?:KEY|PREFIX|DUE|MOVED|BODY|HOUR) = '([a-z][a-z/-]*)'/g)].map(
      ([, name]) => name ?? '',
    ),
  );
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !PAGE.includes(`\`${name}`))).toEqual([]);
});
