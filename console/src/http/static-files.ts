import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

export interface StaticFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
  /** True when the name changes with the content. */
  readonly immutable: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
};
const FILES_MAX = 200;
const BYTES_MAX = 16 * 1024 * 1024;

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>CometMQ console</title>
<p>The pages are not built yet. Run <code>npm run build</code> in the repository, then start again. The API below
<code>/api/v1</code> works.</p>`;

/** The built pages, read once at the start: a few files, and no path from a request ever reaches the disk. */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>;
  readonly #page: StaticFile;

  private constructor(files: ReadonlyMap<string, StaticFile>) {
    this.#files = files;
    this.#page = files.get('/index.html') ?? staticFile('index.html', Buffer.from(NOT_BUILT));
  }

  /** A folder that is missing gives a page that says how to build it. */
  static async load(folder: string): Promise<StaticFiles> {
    const files = new Map<string, StaticFile>();
    let bytes = 0;
    for (const path of await filesBelow(folder)) {
      const name = relative(folder, path).split(sep).join('/');
      if (TYPES[extname(name)] === undefined || files.size >= FILES_MAX) continue;
      const content = await readFile(path);
      bytes += content.length;
      if (bytes > BYTES_MAX)
        throw new Error(`${folder} holds more than ${BYTES_MAX} bytes: it is not the built console.`);
      files.set(`/${name}`, staticFile(name, content));
    }
    return new StaticFiles(files);
  }

  /** Pages have no file of their own: what has no extension gets the application. */
  find(path: string): StaticFile | undefined {
    return this.#files.get(path) ?? (path.startsWith('/assets/') ? undefined : this.#page);
  }
}

function staticFile(name: string, bytes: Buffer): StaticFile {
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  const type = TYPES[extname(name)] ?? 'application/octet-stream';
  return { bytes, type, etag: `"${digest}"`, immutable: name.startsWith('assets/') };
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
