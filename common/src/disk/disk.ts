/**
 * The disk as the store sees it. Every read and write names its position: there is no shared file cursor, and tests can
 * inject faults by position. Nothing is durable before `datasync` (content) or `syncDirectory` (names) returned.
 */
export interface DiskFile {
  /** Writes all of the range or throws. */
  writeSync(bytes: Uint8Array, start: number, length: number, position: number): void;
  /** As `writeSync`, off the event loop. */
  write(bytes: Uint8Array, start: number, length: number, position: number): Promise<void>;
  /** Returns the number of bytes read; fewer than `length` only at the end of the file. */
  readSync(into: Uint8Array, start: number, length: number, position: number): number;
  /** As `readSync`, off the event loop. */
  read(into: Uint8Array, start: number, length: number, position: number): Promise<number>;
  /** Makes what was written durable, blocking the event loop. */
  datasyncSync(): void;
  /** Makes what was written durable, off the event loop. */
  datasync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sizeSync(): number;
  close(): Promise<void>;
}

/** `read`: must exist, read only. `update`: must exist. `create`: made when missing, never cut. */
export type OpenMode = 'read' | 'update' | 'create';

export interface DiskSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

export interface Disk {
  openSync(path: string, mode: OpenMode): DiskFile;
  /** Names (not paths) in a directory, sorted; empty when the directory does not exist. */
  listSync(directory: string): string[];
  existsSync(path: string): boolean;
  makeDirectorySync(directory: string): void;
  /** Makes creations, renames and removals in `directory` durable. */
  syncDirectory(directory: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; one that does not exist is fine. */
  remove(path: string): Promise<void>;
  /** Removes a directory with all it holds. */
  removeTree(directory: string): Promise<void>;
  space(path: string): Promise<DiskSpace>;
}
