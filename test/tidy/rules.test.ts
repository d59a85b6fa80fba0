// A tidy rule that cannot fail protects nothing: each is shown a planted violation and its innocent neighbour.
import { describe, expect, test } from 'vitest';
import type { RepositoryFile } from './repository-files.ts';
import {
  everyDocsPageIsLinked,
  everyWorkspaceIsReferenced,
  noDeadDocLinks,
  noLargeBlobs,
  noLongFiles,
  noMachinePaths,
  noRegistryHosts,
  noUnfinishedMarks,
  sourceNamesAreKebabCase,
} from './rules.ts';

function file(path: string, text = '', sizeBytes = text.length): RepositoryFile {
  return { path, text, sizeBytes };
}

describe('length', () => {
  test('500 lines pass, 501 do not', () => {
    expect(noLongFiles([file('a.ts', 'x\n'.repeat(500))])).toEqual([]);
    expect(noLongFiles([file('a.ts', 'x\n'.repeat(501))])).toHaveLength(1);
  });

  test('fixtures and generated files may be long', () => {
    const text = 'x\n'.repeat(9000);
    expect(noLongFiles([file('test/fixtures/frames.ts', text), file('package-lock.json', text)])).toEqual([]);
  });
});

describe('unfinished marks', () => {
  test.each(['// TODO later', '  // FIXME', '/* HACK: */', '// XXX: why'])('finds %s', (line) => {
    expect(noUnfinishedMarks([file('common/src/a.ts', `one\n${line}\n`)])).toEqual([
      `common/src/a.ts:2: ${line.trim()}`,
    ]);
  });

  test("RocketMQ's own names are no marks", () => {
    expect(noUnfinishedMarks([file('common/src/a.ts', "'SCHEDULE_TOPIC_XXXX'")])).toEqual([]);
  });
});

describe('blobs', () => {
  test('over 256 kB only in the fixtures', () => {
    const sizeBytes = 256 * 1024 + 1;
    expect(noLargeBlobs([file('docs/a.png', '', sizeBytes)])).toHaveLength(1);
    expect(noLargeBlobs([file('test/fixtures/a.bin', '', sizeBytes)])).toEqual([]);
    expect(noLargeBlobs([file('docs/a.png', '', sizeBytes - 1)])).toEqual([]);
  });
});

describe('machine paths', () => {
  // Put together from parts, so that the rules do not find their own examples.
  const planted = ['cd #work/main', '"#home/ada/x"', '`#root/store`', '(#Users/ada)', 'file:"#work"'];

  test.each(planted.map((line) => line.replace('#', '/')))('finds %s', (line) => {
    expect(noMachinePaths([file('README.md', line)])).toHaveLength(1);
  });

  test.each([
    '../work/x',
    'net/work',
    '/workspace',
    '/homepage',
    './root/x',
    'https://example.com/home/x',
    '/rooted',
  ])('lets %s pass', (line) => {
    expect(noMachinePaths([file('README.md', line)])).toEqual([]);
  });
});

describe('registry hosts', () => {
  test('in text and in the lock file', () => {
    expect(
      noRegistryHosts([file('a.sh', `npm --registry https://${['registry', 'npmjs', 'org'].join('.')}`)]),
    ).toHaveLength(1);
    expect(noRegistryHosts([file('package-lock.json', '"resolved": "https://mirror/x.tgz"')])).toHaveLength(
      1,
    );
    expect(noRegistryHosts([file('package-lock.json', '"integrity": "sha512-x"')])).toEqual([]);
  });
});

describe('docs', () => {
  const readme = file('README.md', '[architecture](docs/ARCHITECTURE.md)');

  test('a page that nobody links', () => {
    expect(everyDocsPageIsLinked([readme, file('docs/ARCHITECTURE.md'), file('docs/lost.md')])).toHaveLength(
      1,
    );
  });

  test('a page linked through another page, with an anchor', () => {
    const files = [
      readme,
      file('docs/ARCHITECTURE.md', '[a](guides/a.md#part)'),
      file('docs/guides/a.md', '[b](../b.md)'),
      file('docs/b.md'),
    ];
    expect(everyDocsPageIsLinked(files)).toEqual([]);
    expect(noDeadDocLinks(files)).toEqual([]);
  });

  test('pages that link only each other are not reached', () => {
    const files = [readme, file('docs/a.md', '[b](b.md)'), file('docs/b.md', '[a](a.md)')];
    expect(everyDocsPageIsLinked(files)).toHaveLength(2);
  });

  test('a link to nothing', () => {
    expect(noDeadDocLinks([file('README.md', '[x](docs/gone.md) [y](https://example.com/gone)')])).toEqual([
      'README.md links to docs/gone.md, which does not exist.',
    ]);
  });

  test('a link to a folder', () => {
    expect(noDeadDocLinks([file('README.md', '[docs](docs/)'), file('docs/a.md')])).toEqual([]);
  });
});

describe('workspaces', () => {
  test('each must be in the references', () => {
    const manifest = file('package.json', '{"workspaces":["common","broker"]}');
    const config = file('tsconfig.json', '{"references":[{"path":"./common"}]}');
    expect(everyWorkspaceIsReferenced([manifest, config])).toHaveLength(1);
  });
});

describe('names', () => {
  test('kebab-case in sources and tests', () => {
    const good = [
      'common/src/clock/system-clock.ts',
      'test/unit/common/clock.test.ts',
      'test/vitest.config.ts',
    ];
    expect(sourceNamesAreKebabCase(good.map((path) => file(path)))).toEqual([]);
    expect(
      sourceNamesAreKebabCase([file('common/src/SystemClock.ts'), file('broker/src/pull_hold.ts')]),
    ).toHaveLength(2);
  });
});
