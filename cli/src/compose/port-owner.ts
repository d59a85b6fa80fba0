import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** State of a listening socket in Linux's tables. */
const LISTENING = '0A';

/** Who listens on a port, such as `process 4711 (java)`; undefined where the system does not tell. */
export function portOwner(port: number): string | undefined {
  const inodes = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(table, port)),
  );
  if (inodes.size === 0) return undefined;
  const owner = names('/proc').find((name) => /^\d+$/.test(name) && holdsAny(name, inodes));
  return owner === undefined ? undefined : `process ${owner} (${text(`/proc/${owner}/comm`).trim()})`;
}

function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === LISTENING)
    .flatMap((fields) => fields[9] ?? []);
}

function holdsAny(processId: string, inodes: ReadonlySet<string>): boolean {
  const folder = `/proc/${processId}/fd`;
  return names(folder).some((descriptor) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${descriptor}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      return false;
    }
  });
}

/** Files and folders of others can't be read, and processes end while one looks. */
function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
