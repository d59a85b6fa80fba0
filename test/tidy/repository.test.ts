import { expect, test } from 'vitest';
import { readRepository } from './repository-files.ts';
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
  type Rule,
} from './rules.ts';

const files = readRepository();

const RULES: [string, Rule][] = [
  ['no file over 500 lines', noLongFiles],
  ['nothing unfinished is marked in the code', noUnfinishedMarks],
  ['no large blobs outside the fixtures', noLargeBlobs],
  ['no absolute paths of a machine', noMachinePaths],
  ['no package registry hosts', noRegistryHosts],
  ['every docs page is linked', everyDocsPageIsLinked],
  ['no links to missing pages', noDeadDocLinks],
  ['every workspace is built', everyWorkspaceIsReferenced],
  ['source files are named in kebab-case', sourceNamesAreKebabCase],
];

test('the repository is read', () => {
  expect(files.map(({ path }) => path)).toContain('package.json');
});

test.each(RULES)('%s', (_name, rule) => {
  expect(rule(files)).toEqual([]);
});
