// A disk that kills its process at one point: before or after the n-th operation of a kind on a kind of file, or in the
// middle of a write. Plain JavaScript, because the process that uses it runs on the built packages.
import process from 'node:process';

/** Which part of a data folder a path belongs to. */
function areaOf(path) {
  if (/commitlog[/\\]spare/.test(path)) return 'spare';
  for (const area of ['commitlog', 'consumequeue', 'index', 'checkpoint', 'lock', 'seal']) {
    if (path.includes(area)) return area;
  }
  return 'other';
}

/** Counts operations; at the chosen one it dies as by a power switch. */
export class CrashPoint {
  #left;
  #point;

  /** `point`: {operation, area, hit, when: 'before' | 'torn' | 'after'}; undefined never strikes. */
  constructor(point) {
    this.#point = point;
    this.#left = point?.hit ?? 0;
  }

  /** True when this operation is the one. */
  counts(operation, area) {
    const point = this.#point;
    return point?.operation === operation && point.area === area && --this.#left === 0;
  }

  get when() {
    return this.#point?.when;
  }

  /** Runs an operation, or dies before or after it; `torn` does a part of it. */
  run(operation, area, whole, torn = () => undefined) {
    if (!this.counts(operation, area)) return whole();
    if (this.when === 'before') this.strike();
    if (this.when === 'torn') {
      torn();
      this.strike();
    }
    const result = whole();
    if (!(result instanceof Promise)) this.strike();
    return result.then(() => this.strike());
  }

  strike() {
    process.kill(process.pid, 'SIGKILL');
    // The signal is on its way to this very process; nothing may happen meanwhile.
    for (;;);
  }
}

class CrashPointFile {
  #file;
  #area;
  #point;

  constructor(file, path, point) {
    this.#file = file;
    this.#area = areaOf(path);
    this.#point = point;
  }

  #write(whole, bytes, start, length, position) {
    // Half of a write, cut within a sector.
    const part = Math.max(1, Math.floor(length / 2) - 7);
    return this.#point.run('write', this.#area, whole, () =>
      this.#file.writeSync(bytes, start, Math.min(part, length), position),
    );
  }

  writeSync(...range) {
    return this.#write(() => this.#file.writeSync(...range), ...range);
  }

  write(...range) {
    return this.#write(() => this.#file.write(...range), ...range);
  }

  readSync(...range) {
    return this.#file.readSync(...range);
  }

  read(...range) {
    return this.#file.read(...range);
  }

  datasyncSync() {
    return this.#point.run('datasync', this.#area, () => this.#file.datasyncSync());
  }

  datasync() {
    return this.#point.run('datasync', this.#area, () => this.#file.datasync());
  }

  truncate(sizeBytes) {
    return this.#point.run('truncate', this.#area, () => this.#file.truncate(sizeBytes));
  }

  sizeSync() {
    return this.#file.sizeSync();
  }

  close() {
    return this.#file.close();
  }
}

/** A `Disk` around another one. */
export class CrashPointDisk {
  #disk;
  #point;

  constructor(disk, point) {
    this.#disk = disk;
    this.#point = point;
  }

  openSync(path, mode) {
    const isNew = mode === 'create' && !this.#disk.existsSync(path);
    const open = () => new CrashPointFile(this.#disk.openSync(path, mode), path, this.#point);
    return isNew ? this.#point.run('create', areaOf(path), open) : open();
  }

  listSync(directory) {
    return this.#disk.listSync(directory);
  }

  existsSync(path) {
    return this.#disk.existsSync(path);
  }

  makeDirectorySync(directory) {
    return this.#disk.makeDirectorySync(directory);
  }

  syncDirectory(directory) {
    return this.#point.run('syncDirectory', areaOf(directory), () => this.#disk.syncDirectory(directory));
  }

  rename(from, to) {
    return this.#point.run('rename', areaOf(to), () => this.#disk.rename(from, to));
  }

  remove(path) {
    return this.#point.run('remove', areaOf(path), () => this.#disk.remove(path));
  }

  removeTree(directory) {
    return this.#disk.removeTree(directory);
  }

  space(path) {
    return this.#disk.space(path);
  }
}

/** A `KeyValueStore` around another one; a batch's area is the first word of its first key. */
export class CrashPointStore {
  #store;
  #point;

  constructor(store, point) {
    this.#store = store;
    this.#point = point;
  }

  open() {
    return this.#store.open();
  }

  write(changes, sync) {
    const family = changes[0]?.key.split(/[/-]/)[0] ?? 'none';
    return this.#point.run('save', family, () => this.#store.write(changes, sync));
  }

  entries(prefix) {
    return this.#store.entries(prefix);
  }

  get(key) {
    return this.#store.get(key);
  }

  range(from, to, limit) {
    return this.#store.range(from, to, limit);
  }

  close() {
    return this.#store.close();
  }
}
