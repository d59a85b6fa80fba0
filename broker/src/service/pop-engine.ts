import type { Logger } from '@cometmq/common/logging/logger';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { GroupGuard } from '../client/group-guard.ts';
import { LeaseJournal } from '../pop/lease-journal.ts';
import { LeaseTable } from '../pop/lease-table.ts';
import { PopHold } from '../pop/pop-hold.ts';
import { Revival } from '../pop/revival.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';
import type { Durability } from '../store/log/durability.ts';
import type { PopParts } from './pop-service.ts';
import { PopService } from './pop-service.ts';

export interface PopEngineParts extends Omit<PopParts, 'table' | 'journal' | 'hold'> {
  readonly log: Logger;
  readonly config: BrokerConfig;
  readonly kv: KeyValueStore;
  readonly guard: GroupGuard;
  readonly storeHost: Uint8Array;
  readonly durability: Durability;
}

/** The parts of POP, put together; their start and stop. */
export class PopEngine {
  readonly service: PopService;
  readonly #table: LeaseTable;
  readonly #journal: LeaseJournal;
  readonly #revival: Revival;
  readonly #hold: PopHold;

  constructor(parts: PopEngineParts) {
    const { clock, config } = parts;
    const table = (this.#table = new LeaseTable());
    this.#hold = new PopHold(clock);
    this.#journal = new LeaseJournal({ ...parts, table, clusterName: config.cluster });
    const own = { ...parts, table, journal: this.#journal, hold: this.#hold };
    this.service = new PopService(
      {
        get permission(): number {
          return config.permission;
        },
        get bytesMax(): number {
          return config.pullBytesMax;
        },
        inFlightMax: config.popInFlightMax,
      },
      own,
    );
    this.#revival = new Revival({ ...own, retryVersion: config.popRetryTopicV2 ? 2 : 1 });
  }

  /** Restores the leases of the time when the broker stopped. */
  load(): Promise<void> {
    return this.#journal.load();
  }

  /** Begins to end leases. */
  start(): void {
    this.#journal.start();
    this.#revival.start();
  }

  async stop(): Promise<void> {
    this.#hold.close();
    this.#revival.stop();
    await this.#journal.stop();
  }

  /**
   * Messages on lease and requests that wait; and since the start: copies made for retries and among the dead letters, and
   * messages that expired before they were acknowledged.
   */
  get counts(): Readonly<Record<'inFlight' | 'waiting' | 'revived' | 'dead' | 'lost', number>> {
    const { revived, dead, lost } = this.#revival;
    return { inFlight: this.#table.inFlight, waiting: this.#hold.count, revived, dead, lost };
  }
}
