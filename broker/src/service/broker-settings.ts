import { MqError } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { BrokerConfig } from '../config/broker-config.ts';
import { brokerConfigSchema } from '../config/broker-config.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';

/** Settings that take effect while the broker runs. */
export type LiveSettings = Pick<
  BrokerConfig,
  | 'permission'
  | 'autoCreateTopic'
  | 'autoCreateGroup'
  | 'defaultTopicQueues'
  | 'pullBatchMax'
  | 'pullBytesMax'
  | 'retentionMs'
  | 'rejectTransactions'
  | 'transactionTimeoutMs'
  | 'transactionCheckIntervalMs'
  | 'transactionCheckMax'
  | 'groupGuard'
>;

type SettingsChanged = (previous: BrokerConfig) => Promise<void>;

const KEY = 'changed-settings';

/**
 * The settings in force: those the broker was started with, and over them what an admin changed since (Java writes such
 * changes into its configuration file; they outlive a restart here as well).
 */
export class BrokerSettings {
  /** One object for the life of the broker: who reads it when it is needed gets what is in force. */
  readonly current: BrokerConfig;
  readonly #kv: KeyValueStore;
  readonly #listeners: SettingsChanged[] = [];
  #changes: Partial<LiveSettings> = {};
  #changeCount = 0;

  constructor(config: BrokerConfig, kv: KeyValueStore) {
    this.current = { ...config };
    this.#kv = kv;
  }

  async load(log: Logger): Promise<void> {
    const saved = (await this.#kv.entries(KEY))[0];
    if (saved === undefined) return;
    this.#changes = JSON.parse(saved[1]) as Partial<LiveSettings>;
    Object.assign(this.current, checked({ ...this.current, ...this.#changes }));
    log.info(
      { changes: this.#changes },
      'settings that an admin changed are in force over the configuration',
    );
  }

  /** Changes since the start. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Called after a change; the change is answered when it has resolved. */
  onChange(listener: SettingsChanged): void {
    this.#listeners.push(listener);
  }

  /**
   * Changes some settings, durably when the promise resolves.
   * @throws MqError `INVALID_ARGUMENT` when one of the values is not allowed; nothing is changed then.
   */
  async change(changes: Partial<LiveSettings>): Promise<void> {
    const previous = { ...this.current };
    const next = checked({ ...previous, ...changes });
    const all = { ...this.#changes, ...changes };
    await this.#kv.write([{ key: KEY, value: JSON.stringify(all) }], true);
    this.#changes = all;
    Object.assign(this.current, next);
    this.#changeCount++;
    for (const listener of this.#listeners) await listener(previous);
  }
}

function checked(config: BrokerConfig): BrokerConfig {
  const result = brokerConfigSchema.safeParse(config);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new MqError('INVALID_ARGUMENT', faults.join('; '));
}
