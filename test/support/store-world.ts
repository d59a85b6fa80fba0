import { silentLogger } from '@cometmq/common/logging/logger';
import { encodeHost } from '@cometmq/common/message/host';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import type { StoredMessage } from '@cometmq/common/message/message';
import type { AppendRequest, AppendResult } from '@cometmq/broker/store/append-request';
import type { Durability } from '@cometmq/broker/store/log/durability';
import { MessageStore } from '@cometmq/broker/store/message-store';
import { PropertyScan } from '@cometmq/broker/store/property-scan';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize } from '@cometmq/broker/store/queue/queue-entry';
import type { StoreOptions } from '@cometmq/broker/store/store-options';
import type { StoreQueue } from '@cometmq/broker/store/queue/store-queue';
import { ManualClock } from './manual-clock.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const STORE_HOST = encodeHost('127.0.0.1', 10_911);
const BORN_HOST = encodeHost('127.0.0.1', 50_000);
export const STORE_DIRECTORY = '/data/store';

export interface AppendOptions {
  readonly topic?: string;
  readonly queueId?: number;
  readonly body?: string | Buffer;
  readonly properties?: Readonly<Record<string, string>>;
  readonly durability?: Durability;
}

/** The stored text of some properties. */
export function propertyText(properties: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(
    Object.entries(properties)
      .map(([name, value]) => `${name}\u0001${value}\u0002`)
      .join(''),
  );
}

/** A request as doors make it. */
export function appendRequest(queue: StoreQueue, body: Buffer, properties: Buffer): AppendRequest {
  const propertyScan = new PropertyScan();
  propertyScan.scan(properties, 0, properties.length);
  return {
    queue,
    topic: Buffer.from(queue.topic),
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: BORN_HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    bodyStart: 0,
    bodyEnd: body.length,
    properties,
    propertiesStart: 0,
    propertiesEnd: properties.length,
    propertyScan,
    tagsCode: undefined,
  };
}

/** A store over a simulated disk and a clock that stands still. */
export class StoreWorld {
  readonly clock: ManualClock;
  disk: SimulatedDisk;
  readonly options: Partial<StoreOptions>;
  #store: MessageStore | undefined;

  constructor(options: Partial<StoreOptions> = {}, disk = new SimulatedDisk(), clock = new ManualClock()) {
    this.options = options;
    this.disk = disk;
    this.clock = clock;
  }

  get store(): MessageStore {
    if (this.#store === undefined) throw new Error('the store is not open');
    return this.#store;
  }

  async open(): Promise<MessageStore> {
    this.#store = await MessageStore.open({
      disk: this.disk,
      clock: this.clock,
      log: silentLogger,
      directory: STORE_DIRECTORY,
      segmentSizeBytes: 64 * 1024,
      tailChunks: 2,
      tailChunkBytes: 128 * 1024,
      durability: 'synced',
      syncIntervalMs: 100,
      checkpointIntervalMs: 1_000,
      retentionMs: 3_600_000,
      logSizeMaxBytes: 2 ** 40,
      storeHost: STORE_HOST,
      tagsCodeRule: () => undefined,
      ...this.options,
    });
    return this.#store;
  }

  async close(): Promise<void> {
    await this.store.close();
    this.#store = undefined;
  }

  /** Goes on with the disk that a power cut leaves. */
  crash(seed: number, keep?: number): void {
    this.disk = this.disk.crash({ seed, ...(keep === undefined ? {} : { keep }) });
    this.#store = undefined;
  }

  /** Appends without waiting. */
  append(options: AppendOptions = {}): AppendResult {
    const { topic = 'orders', queueId = 0, body = 'x', properties = {}, durability = 'synced' } = options;
    const request = appendRequest(
      this.store.queues.get(topic, queueId),
      Buffer.from(body),
      propertyText(properties),
    );
    const result = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
    this.store.append(request, durability, result);
    return result;
  }

  /** Appends and waits for what was promised. */
  async send(options: AppendOptions = {}): Promise<AppendResult> {
    const result = this.append(options);
    await this.store.whenDurable(options.durability ?? 'synced');
    return result;
  }

  /** Bodies of all readable messages of a queue, by queue offset; a hole is undefined. */
  bodies(topic = 'orders', queueId = 0): (string | undefined)[] {
    return this.messages(topic, queueId).map((message) => message?.body.toString());
  }

  messages(topic = 'orders', queueId = 0): (StoredMessage | undefined)[] {
    const queue = this.store.queues.find(topic, queueId);
    const messages: (StoredMessage | undefined)[] = [];
    if (queue === undefined) return messages;
    for (let offset = queue.min; offset < queue.max; offset++) messages.push(this.message(queue, offset));
    return messages;
  }

  message(queue: StoreQueue, offset: number): StoredMessage | undefined {
    const view = queue.view(offset, 1);
    if (view.count !== 1) throw new Error(`entry ${offset} of ${queue.topic}/${queue.queueId} can't be read`);
    const [physicalOffset, size] = [entryPhysicalOffset(view.bytes, view.at), entrySize(view.bytes, view.at)];
    if (size < 0) return undefined;
    const bytes = Buffer.alloc(size);
    if (view.bytes.length < ENTRY_SIZE || !this.store.reader.copySync(physicalOffset, size, bytes, 0)) {
      throw new Error(`record at ${physicalOffset} can't be read`);
    }
    const message = decodeMessage(bytes, 0, size);
    if (
      message.queueOffset !== offset ||
      message.topic !== queue.topic ||
      message.queueId !== queue.queueId
    ) {
      throw new Error(`entry ${offset} of ${queue.topic}/${queue.queueId} leads to another message`);
    }
    return message;
  }
}
