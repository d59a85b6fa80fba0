import { brokerConfigTable, readBrokerConfigChanges } from '../config/broker-config-text.ts';
import type { BrokerPlace } from '../config/broker-config-text.ts';
import type { DelayDelivery } from '../delay/delay-delivery.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { BrokerSettings } from './broker-settings.ts';

/** A broker's settings as admins see and change them, and its housekeeping on demand. */
export class BrokerAdminService {
  readonly #settings: BrokerSettings;
  readonly #store: MessageStore;
  readonly #delivery: DelayDelivery;
  readonly #place: BrokerPlace;

  constructor(settings: BrokerSettings, store: MessageStore, delivery: DelayDelivery, place: BrokerPlace) {
    this.#settings = settings;
    this.#store = store;
    this.#delivery = delivery;
    this.#place = place;
  }

  /** Settings in force by RocketMQ's names. */
  config(): Record<string, string> {
    return brokerConfigTable(this.#settings.current, this.#place);
  }

  /** Rises with each change. */
  get changeCount(): number {
    return this.#settings.changeCount;
  }

  /**
   * Changes settings by RocketMQ's names, all or none.
   * @throws MqError `NO_PERMISSION` or `INVALID_ARGUMENT`.
   */
  async change(asked: Readonly<Record<string, string>>): Promise<void> {
    const changes = readBrokerConfigChanges(asked, this.config());
    if (Object.keys(changes).length > 0) await this.#settings.change(changes);
  }

  /** Log position behind the newest message. */
  get logEnd(): number {
    return this.#store.logEnd;
  }

  /** Next offset to deliver of each delay level, level 1 first. */
  delayOffsets(): number[] {
    return this.#delivery.progress().map(({ offset }) => offset);
  }

  /** Gives up messages beyond the retention, and queue entries of messages that are gone, now rather than soon. */
  expire(): Promise<void> {
    return this.#store.expire();
  }
}
