import { PROPERTIES_SIZE_MAX, PROPERTY_SEPARATOR } from '@cometmq/common/message/properties';
import { Perm, SysFlag } from '@cometmq/common/message/sys-flag';
import type { RandomSource } from '@cometmq/common/random/random';
import { Limits } from '../config/limits.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { AppendRequest, AppendResult } from '../store/append-request.ts';
import type { Durability, DurabilityGroup, DurabilityWaiter } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import { PropertyScan, PropertyTrait } from '../store/property-scan.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { ProducerService } from './producer-service.ts';
import { storedSysFlag } from './producer-service.ts';

export type { Durability, DurabilityGroup, DurabilityWaiter };

/** Properties that need more than being stored. */
const SPECIAL = PropertyTrait.DELAYED | PropertyTrait.TRANSACTION | PropertyTrait.TIMED;

export interface DirectSendParts {
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly stats: BrokerStats;
  readonly random: RandomSource;
  readonly producing: ProducerService;
}

/**
 * The way of the ordinary message into the log without an object in between. A door fills the fields, the property text
 * included, and calls `send`. What is not ordinary in any way (an unknown topic, a delay, an error to be told) is left to
 * `ProducerService`, which does the same and everything else. One instance serves all connections of a door: it is used
 * within one turn only.
 */
export class DirectSend {
  /** Receives the stored text of the properties, from 0 on; has room for what the broker adds. */
  readonly properties = Buffer.alloc(PROPERTIES_SIZE_MAX + 1024);
  topic: Topic | undefined;
  /** Negative: the broker chooses. After `send` the queue that was used. */
  queueId = 0;
  flag = 0;
  sysFlag = 0;
  bornTimestamp = 0;
  bornHost: Buffer = Buffer.alloc(8);
  reconsumeTimes = 0;
  /** Where the unique key stands in `properties`, after `send`. */
  uniqueKeyStart = 0;
  uniqueKeyEnd = 0;
  /** What the acknowledgement will promise, after `send`. */
  durability: Durability = 'synced';
  readonly result: AppendResult = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
  readonly storeHost: Uint8Array;
  readonly #parts: DirectSendParts;
  readonly #scan = new PropertyScan();
  #request: AppendRequest | undefined;

  constructor(parts: DirectSendParts) {
    this.#parts = parts;
    this.storeHost = parts.producing.settings.storeHost;
  }

  /** Finds the topic by its name's bytes; false when only the ordinary way can deal with it. */
  findTopic(bytes: Buffer, start: number, end: number): boolean {
    this.topic = this.#parts.topics.findByBytes(bytes, start, end);
    return this.topic?.isPlain === true && (this.topic.config.perm & Perm.WRITE) !== 0;
  }

  /**
   * Appends the message whose body is [bodyStart, bodyEnd) of `bytes`; true when that was done. Who wants to know when
   * the promise holds joins `group(durability)` in the same turn.
   */
  send(bytes: Buffer, bodyStart: number, bodyEnd: number, propertiesSize: number): boolean {
    const { store, stats, producing } = this.#parts;
    const { topic } = this;
    const bodySize = bodyEnd - bodyStart;
    if (topic === undefined || bodySize === 0 || bodySize > producing.settings.maxMessageSizeBytes)
      return false;
    if ((this.sysFlag & SysFlag.TRANSACTION_MASK) !== 0 || store.unsyncedBytes > Limits.unsyncedBytes)
      return false;
    const queue = this.#queueOf(topic);
    const propertiesEnd = this.#completeProperties(propertiesSize);
    if (queue === undefined || propertiesEnd < 0) return false;
    const request = (this.#request ??= this.#newRequest(topic, queue));
    request.queue = queue;
    request.topic = topic.nameBytes;
    request.flag = this.flag;
    request.sysFlag = storedSysFlag(this.sysFlag, this.bornHost, this.storeHost, topic);
    request.bornTimestamp = this.bornTimestamp;
    request.bornHost = this.bornHost;
    request.reconsumeTimes = this.reconsumeTimes;
    request.body = bytes;
    request.bodyStart = bodyStart;
    request.bodyEnd = bodyEnd;
    request.propertiesEnd = propertiesEnd;
    this.durability =
      (this.#scan.traits & PropertyTrait.NO_WAIT) === 0 ? producing.settings.durability : 'written';
    try {
      store.append(request, this.durability, this.result);
    } catch {
      // Nothing was stored; the ordinary way meets the same error and tells it.
      return false;
    }
    stats.put(topic, bodySize);
    this.queueId = queue.queueId;
    return true;
  }

  group(durability: Durability): DurabilityGroup {
    return this.#parts.store.group(durability);
  }

  #queueOf(topic: Topic): StoreQueue | undefined {
    if (this.queueId < 0)
      return topic.queue(this.#parts.random.below(Math.max(topic.config.writeQueueNums, 1)));
    return this.queueId < topic.queueCount ? topic.queue(this.queueId) : undefined;
  }

  /** Ends the text, adds what the broker adds, and returns its size; -1 when the properties are special. */
  #completeProperties(size: number): number {
    if (size <= 0 || size > PROPERTIES_SIZE_MAX) return -1;
    const text = this.properties;
    const scan = this.#scan;
    let end = size;
    if (text[end - 1] !== PROPERTY_SEPARATOR) text[end++] = PROPERTY_SEPARATOR;
    scan.scan(text, 0, end);
    if ((scan.traits & SPECIAL) !== 0 || scan.uniqKeyStart < 0) return -1;
    this.uniqueKeyStart = scan.uniqKeyStart;
    this.uniqueKeyEnd = scan.uniqKeyEnd;
    const { stamp } = this.#parts.producing;
    if (end + stamp.length > PROPERTIES_SIZE_MAX) return -1;
    stamp.copy(text, end);
    return end + stamp.length;
  }

  #newRequest(topic: Topic, queue: StoreQueue): AppendRequest {
    return {
      queue,
      topic: topic.nameBytes,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: 0,
      bornHost: this.bornHost,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: this.properties,
      bodyStart: 0,
      bodyEnd: 0,
      properties: this.properties,
      propertiesStart: 0,
      propertiesEnd: 0,
      propertyScan: this.#scan,
      tagsCode: undefined,
    };
  }
}
