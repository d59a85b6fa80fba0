import { MqError } from '@cometmq/common/error/mq-error';
import { Limits } from '../config/limits.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';

/** How members of a group get a topic's messages: from queues of their own, or from all on lease. */
export type RequestMode = 'PULL' | 'POP';

export interface RequestModeSetting {
  readonly mode: RequestMode;
  /** POP: how many further members share a member's queues; 0 and less: all queues are everybody's. */
  readonly shareQueues: number;
}

const KEY_PREFIX = 'request-mode/';
/** Neither topics nor groups can hold it. */
const SEPARATOR = '@';
const DEFAULT: RequestModeSetting = { mode: 'PULL', shareQueues: -1 };

/** The mode of each pair of topic and group that an operator set one for. */
export class RequestModes {
  readonly #kv: KeyValueStore;
  readonly #settings = new Map<string, RequestModeSetting>();

  constructor(kv: KeyValueStore) {
    this.#kv = kv;
  }

  async load(): Promise<void> {
    for (const [key, text] of await this.#kv.entries(KEY_PREFIX)) {
      this.#settings.set(key.slice(KEY_PREFIX.length), JSON.parse(text) as RequestModeSetting);
    }
  }

  of(group: string, topic: string): RequestModeSetting {
    return this.#settings.get(keyOf(group, topic)) ?? DEFAULT;
  }

  /**
   * Durable when the promise resolves.
   * @throws MqError `SYSTEM_BUSY` when there are too many.
   */
  async set(group: string, topic: string, setting: RequestModeSetting): Promise<void> {
    const key = keyOf(group, topic);
    if (!this.#settings.has(key) && this.#settings.size >= Limits.groupTopicPairs) {
      throw new MqError(
        'SYSTEM_BUSY',
        `modes of ${this.#settings.size} pairs of group and topic are set, the limit`,
      );
    }
    this.#settings.set(key, setting);
    await this.#kv.write([{ key: KEY_PREFIX + key, value: JSON.stringify(setting) }], true);
  }

  /** Topics or groups were deleted. A setting that comes back after a crash belongs to nothing. */
  remove(matches: (topic: string, group: string) => boolean): void {
    const gone = [...this.#settings.keys()].filter((key) => {
      const [topic = '', group = ''] = key.split(SEPARATOR);
      return matches(topic, group);
    });
    for (const key of gone) this.#settings.delete(key);
    const changes = gone.map((key) => ({ key: KEY_PREFIX + key, value: undefined }));
    this.#kv.write(changes, false).catch(() => undefined);
  }
}

function keyOf(group: string, topic: string): string {
  return topic + SEPARATOR + group;
}
