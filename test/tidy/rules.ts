import { posix } from 'node:path';
import type { RepositoryFile } from './repository-files.ts';

/** A rule looks at the whole repository and returns one sentence for each violation. */
export type Rule = (files: readonly RepositoryFile[]) => string[];

const LINES_MAX = 500;
const BLOB_MAX_BYTES = 256 * 1024;
const FIXTURES = 'test/fixtures/';
/** Written by a tool or by law, not by us. */
const GENERATED = new Set(['package-lock.json', 'LICENSE']);
/** These name what they forbid. */
const NAMES_FORBIDDEN_WORDS = ['test/tidy/', '.config/', 'docs/STYLE.md'];

const SOURCE = /\.(?:ts|tsx|js|cjs|mjs|css|java|go|sh)$/;

function ours(files: readonly RepositoryFile[]): { path: string; text: string }[] {
  return files.flatMap(({ path, text }) =>
    text === undefined || GENERATED.has(path) || path.startsWith(FIXTURES) ? [] : [{ path, text }],
  );
}

/** Lines of our own text files that match, as `path:line`. */
function matchingLines(files: readonly RepositoryFile[], pattern: RegExp): string[] {
  return ours(files)
    .filter(({ path }) => !NAMES_FORBIDDEN_WORDS.some((prefix) => path.startsWith(prefix)))
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, index) =>
          pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 100)}`] : [],
        ),
    );
}

export const noLongFiles: Rule = (files) =>
  ours(files)
    .filter(({ path }) => SOURCE.test(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path} has ${lines} lines, ${LINES_MAX} is the limit: split it by job.`);

export const noUnfinishedMarks: Rule = (files) => matchingLines(files, /\b(?:TODO|FIXME|XXX:|HACK:)/);

export const noLargeBlobs: Rule = (files) =>
  files
    .filter(({ path, sizeBytes }) => sizeBytes > BLOB_MAX_BYTES && !path.startsWith(FIXTURES))
    .filter(({ path }) => !GENERATED.has(path))
    .map(({ path, sizeBytes }) => `${path} has ${sizeBytes} bytes; data belongs in ${FIXTURES}.`);

export const noMachinePaths: Rule = (files) =>
  matchingLines(files, /(?<![\w.~/$}*-])\/(?:work\b(?!-)|home\/\w|root\/\w|Users\/\w)/);

const REGISTRY_HOSTS =
  /registry\.(?:npmjs|yarnpkg|npmmirror)|npmmirror\.com|repo\d?\.maven\.|maven\.aliyun|proxy\.golang\.org|goproxy\.(?:cn|io)|pypi\.org|artifactory|"resolved": "http/;

/** The lock file is read as well: its entries carry integrity only, see .npmrc. */
export const noRegistryHosts: Rule = (files) => [
  ...matchingLines(files, REGISTRY_HOSTS),
  ...files
    .filter(({ path, text }) => path === 'package-lock.json' && REGISTRY_HOSTS.test(text ?? ''))
    .map(({ path }) => `${path} names a registry: run npm install with the .npmrc of this repository.`),
];

const DOC_ROOTS = ['README.md', 'docs/ARCHITECTURE.md'];
const MARKDOWN_LINK = /\]\(([^)\s#]+)[^)]*\)/g;

/** A page counts as linked when README or ARCHITECTURE reach it, directly or through other pages. */
export const everyDocsPageIsLinked: Rule = (files) => {
  const pages = new Map(
    files.filter(({ path }) => path.endsWith('.md')).map((file) => [file.path, file.text ?? '']),
  );
  const reached = new Set(DOC_ROOTS);
  for (const page of reached) {
    for (const [, target = ''] of (pages.get(page) ?? '').matchAll(MARKDOWN_LINK)) {
      if (!/^[a-z]+:/.test(target)) reached.add(posix.normalize(posix.join(posix.dirname(page), target)));
    }
  }
  return [...pages.keys()]
    .filter((path) => path.startsWith('docs/') && !reached.has(path))
    .map((path) => `${path} is linked from nowhere: link it from ${DOC_ROOTS.join(' or ')}.`);
};

export const noDeadDocLinks: Rule = (files) => {
  const paths = new Set(files.map(({ path }) => path));
  const exists = (target: string): boolean =>
    paths.has(target) || [...paths].some((path) => path.startsWith(`${target.replace(/\/$/, '')}/`));
  return ours(files)
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(MARKDOWN_LINK)]
        .map(([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !exists(posix.normalize(posix.join(posix.dirname(path), target))))
        .map((target) => `${path} links to ${target}, which does not exist.`),
    );
};

export const everyWorkspaceIsReferenced: Rule = (files) => {
  const parse = (path: string): unknown => JSON.parse(files.find((file) => file.path === path)?.text ?? '{}');
  const { workspaces = [] } = parse('package.json') as { workspaces?: string[] };
  const { references = [] } = parse('tsconfig.json') as { references?: { path: string }[] };
  const referenced = new Set(references.map(({ path }) => path.replace(/^\.\//, '')));
  return workspaces
    .filter((workspace) => !referenced.has(workspace))
    .map((workspace) => `${workspace} is missing in the references of tsconfig.json, so tsc -b skips it.`);
};

const KEBAB_CASE = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)+$/;

export const sourceNamesAreKebabCase: Rule = (files) =>
  files
    .filter(({ path }) => /^[a-z-]+\/(?:src|web)\/|^test\//.test(path) && /\.tsx?$/.test(path))
    .filter(({ path }) => !KEBAB_CASE.test(posix.basename(path)))
    .map(({ path }) => `${path}: name files in kebab-case after their main export.`);
