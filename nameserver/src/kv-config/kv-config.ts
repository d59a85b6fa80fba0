import { writeFileAtomic, readFileSync } from '@cometmq/common/disk/atomic-file';
import type { Disk } from '@cometmq/common/disk/disk';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import { asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import type { NameServerConfig } from '../config/name-server-config.ts';

/** Namespace of the queue counts of ordered topics: topic → `broker-a:4;broker-b:4`. */
export const ORDER_TOPIC_CONFIG = 'ORDER_TOPIC_CONFIG';

type Namespaces = ReadonlyMap<string, ReadonlyMap<string, string>>;

export interface KvConfigOptions {
  readonly disk: Disk;
  /** Where it is kept; undefined: in memory only. */
  readonly path: string | undefined;
  readonly limits: Pick<NameServerConfig, 'kvEntriesMax' | 'kvBytesMax'>;
}

const NAME_LENGTH_MAX = 255;
const VALUE_LENGTH_MAX = 64 * 1024;
/** Changes that may wait for the disk. */
const WAITING_MAX = 1024;

/** Key-value namespaces, kept in one small file in the format of RocketMQ's kvConfig.json. */
export class KvConfig {
  readonly #options: KvConfigOptions;
  #namespaces: Namespaces = new Map();
  /** Settles when the changes so far are on disk. */
  #written: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: KvConfigOptions) {
    this.#options = options;
  }

  /** @throws MqError `DATA_DAMAGED` when the file is there and can't be read. */
  load(): void {
    const { disk, path } = this.#options;
    const content = path === undefined ? undefined : readFileSync(disk, path);
    if (content !== undefined) this.#namespaces = parse(content, String(path));
  }

  get(namespace: string, key: string): string | undefined {
    return this.#namespaces.get(namespace)?.get(key);
  }

  /** Entries of a namespace, undefined when it has none. */
  entries(namespace: string): ReadonlyMap<string, string> | undefined {
    return this.#namespaces.get(namespace);
  }

  /**
   * Resolves when the entry is durable.
   * @throws MqError `INVALID_ARGUMENT` for a name or value that is too long, `SYSTEM_BUSY` when a limit is reached,
   * `STORE_FAILED` when the disk refused (nothing has changed then).
   */
  put(namespace: string, key: string, value: string): Promise<void> {
    checkLengths(namespace, key, value);
    return this.#change((before) => {
      const entries = new Map(before.get(namespace)).set(key, value);
      return new Map(before).set(namespace, entries);
    });
  }

  /** Resolves when the entry is durably gone; one that does not exist is fine. */
  delete(namespace: string, key: string): Promise<void> {
    return this.#change((before) => {
      if (before.get(namespace)?.has(key) !== true) return before;
      const entries = new Map(before.get(namespace));
      entries.delete(key);
      const after = new Map(before).set(namespace, entries);
      if (entries.size === 0) after.delete(namespace);
      return after;
    });
  }

  /** Waits for changes under way. */
  async close(): Promise<void> {
    await this.#written;
  }

  /** One change after the other; each is visible only once it is on disk. */
  #change(edit: (before: Namespaces) => Namespaces): Promise<void> {
    if (this.#waiting >= WAITING_MAX) {
      return Promise.reject(new MqError('SYSTEM_BUSY', 'too many key-value changes wait for the disk'));
    }
    this.#waiting++;
    const done = this.#written.then(async () => {
      const after = edit(this.#namespaces);
      if (after !== this.#namespaces) await this.#write(after);
      this.#namespaces = after;
    });
    this.#written = done
      .catch(() => undefined)
      .finally(() => {
        this.#waiting--;
      });
    return done;
  }

  async #write(namespaces: Namespaces): Promise<void> {
    const { disk, path, limits } = this.#options;
    const content = serialize(namespaces);
    let entries = 0;
    for (const table of namespaces.values()) entries += table.size;
    if (entries > limits.kvEntriesMax) throw full(`${limits.kvEntriesMax} entries (kvEntriesMax)`);
    if (content.length > limits.kvBytesMax) throw full(`${limits.kvBytesMax} bytes (kvBytesMax)`);
    if (path === undefined) return;
    try {
      await writeFileAtomic(disk, path, content);
    } catch (error) {
      throw new MqError('STORE_FAILED', `the key-value entry is not stored: ${errorText(error)}`, {
        cause: error,
      });
    }
  }
}

function serialize(namespaces: Namespaces): Buffer {
  const tables = [...namespaces].map(([namespace, table]) => [namespace, Object.fromEntries(table)] as const);
  return Buffer.from(JSON.stringify({ configTable: Object.fromEntries(tables) }));
}

function parse(content: Buffer, path: string): Namespaces {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw new MqError('DATA_DAMAGED', `${path} can't be read: ${errorText(error)}`, {
      hint: 'restore it from a copy, or move it away to start without key-value entries',
      cause: error,
    });
  }
  const tables = Object.entries(asObject(asObject(parsed)['configTable']));
  return new Map(
    tables.map(([namespace, table]) => {
      const entries = Object.entries(asObject(table)).map(([key, value]) => [key, asString(value)] as const);
      return [namespace, new Map(entries)];
    }),
  );
}

function checkLengths(namespace: string, key: string, value: string): void {
  if (namespace.length > NAME_LENGTH_MAX || key.length > NAME_LENGTH_MAX) {
    throw new MqError('INVALID_ARGUMENT', `namespace or key is longer than ${NAME_LENGTH_MAX} characters`);
  }
  if (value.length > VALUE_LENGTH_MAX) {
    throw new MqError('INVALID_ARGUMENT', `the value is longer than ${VALUE_LENGTH_MAX} characters`);
  }
}

function full(limit: string): MqError {
  return new MqError('SYSTEM_BUSY', `the name server's key-value store is full: ${limit}`, {
    hint: 'delete entries with deleteKvConfig or raise the limit',
    retryable: false,
  });
}
