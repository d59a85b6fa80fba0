import { encodeHost } from '@cometmq/common/message/host';
import { PROPERTIES_SIZE_MAX, PROPERTY_SEPARATOR } from '@cometmq/common/message/properties';
import { Perm, SysFlag } from '@cometmq/common/message/sys-flag';
import type { RandomSource } from '@cometmq/common/random/random';
import { SendHeaderScanner, unescapeJson } from '@cometmq/remoting/protocol/send-header-scanner';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { Limits } from '../../config/limits.ts';
import type { ProducerService } from '../../service/producer-service.ts';
import { storedSysFlag } from '../../service/producer-service.ts';
import type { BrokerStats } from '../../stats/broker-stats.ts';
import type { AppendRequest, AppendResult } from '../../store/append-request.ts';
import type { Durability, DurabilityGroup } from '../../store/log/durability.ts';
import type { MessageStore } from '../../store/message-store.ts';
import { PropertyScan, PropertyTrait } from '../../store/property-scan.ts';
import type { StoreQueue } from '../../store/queue/store-queue.ts';
import type { Topic } from '../../topic/topic.ts';
import type { TopicTable } from '../../topic/topic-table.ts';
import { SendAcks, UNIQUE_KEY_SIZE_MAX, answerHead } from './send-acks.ts';

/** The one-letter fields of SEND_MESSAGE_V2 that are looked at, as positions in the alphabet. */
const Letter = {
  TOPIC: 1,
  TEMPLATE_QUEUES: 3,
  QUEUE_ID: 4,
  SYS_FLAG: 5,
  BORN_TIMESTAMP: 6,
  FLAG: 7,
  PROPERTIES: 8,
  RECONSUME_TIMES: 9,
  BATCH: 12,
} as const;

/** Properties that need more than being stored. */
const SPECIAL = PropertyTrait.DELAYED | PropertyTrait.TRANSACTION | PropertyTrait.TIMED;
const LETTER_T = 0x74;
const DIGIT_ONE = 0x31;

interface Peer {
  readonly bornHost: Buffer;
  readonly acks: Partial<Record<Durability, SendAcks>>;
}

/**
 * The way of the ordinary message, from the receive buffer into the log without an object in between. What is not
 * ordinary in any way (an unknown topic, a delay, an error to be told) is left to the ordinary handler, which does the
 * same and everything else.
 */
export class SendFastPath {
  readonly #store: MessageStore;
  readonly #topics: TopicTable;
  readonly #stats: BrokerStats;
  readonly #random: RandomSource;
  readonly #producing: ProducerService;
  readonly #heads: Readonly<Record<Durability, Buffer>>;
  readonly #peers = new Map<RemotingChannel, Peer>();
  readonly #scanner = new SendHeaderScanner();
  readonly #properties = Buffer.alloc(PROPERTIES_SIZE_MAX + 1024);
  readonly #propertyScan = new PropertyScan();
  readonly #result: AppendResult = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
  #request: AppendRequest | undefined;

  constructor(
    store: MessageStore,
    topics: TopicTable,
    stats: BrokerStats,
    random: RandomSource,
    producing: ProducerService,
  ) {
    this.#store = store;
    this.#topics = topics;
    this.#stats = stats;
    this.#random = random;
    this.#producing = producing;
    const { storeHost } = producing.settings;
    this.#heads = { synced: answerHead(storeHost, 'synced'), written: answerHead(storeHost, 'written') };
  }

  /** Takes a frame; false leaves it to the ordinary handlers. */
  readonly handle = (
    channel: RemotingChannel,
    bytes: Buffer,
    type: number,
    headerStart: number,
    headerEnd: number,
    frameEnd: number,
  ): boolean => {
    const scanner = this.#scanner;
    if (!scanner.scan(bytes, type, headerStart, headerEnd)) return false;
    if (!this.#hasRequired()) return false;
    const bodySize = frameEnd - headerEnd;
    if (bodySize === 0 || bodySize > this.#producing.settings.maxMessageSizeBytes || this.#isBatch(bytes))
      return false;
    const topic = this.#topics.findByBytes(
      bytes,
      scanner.starts[Letter.TOPIC] ?? 0,
      scanner.ends[Letter.TOPIC] ?? 0,
    );
    if (topic === undefined || !topic.isPlain || (topic.config.perm & Perm.WRITE) === 0) return false;
    const queue = this.#queueOf(topic, scanner.integer(Letter.QUEUE_ID));
    if (queue === undefined || this.#store.unsyncedBytes > Limits.unsyncedBytes) return false;
    const propertiesEnd = this.#readProperties(bytes);
    if (propertiesEnd < 0) return false;
    const peer = this.#peerOf(channel);
    const request = this.#fill(topic, queue, peer, bytes, headerEnd, frameEnd, propertiesEnd);
    if (request === undefined) return false;
    const isNoWait = (this.#propertyScan.traits & PropertyTrait.NO_WAIT) !== 0;
    const durability = isNoWait ? 'written' : this.#producing.settings.durability;
    try {
      this.#store.append(request, durability, this.#result);
    } catch {
      // Nothing was stored; the ordinary way meets the same error and tells it.
      return false;
    }
    this.#stats.put(topic, bodySize);
    this.#acknowledge(channel, peer, durability, queue.queueId, frameEnd - headerStart);
    return true;
  };

  /** A connection is gone. */
  forget(channel: RemotingChannel): void {
    this.#peers.delete(channel);
  }

  /** The fields `a` to `h`, all of which a request must have. */
  #hasRequired(): boolean {
    const { starts } = this.#scanner;
    for (let letter = 0; letter <= Letter.FLAG; letter++) if ((starts[letter] ?? -1) < 0) return false;
    return !Number.isNaN(this.#scanner.integer(Letter.TEMPLATE_QUEUES));
  }

  #isBatch(bytes: Buffer): boolean {
    const first = bytes[this.#scanner.starts[Letter.BATCH] ?? -1];
    return first === DIGIT_ONE || (first !== undefined && (first | 0x20) === LETTER_T);
  }

  #queueOf(topic: Topic, queueId: number): StoreQueue | undefined {
    if (queueId < 0) return topic.queue(this.#random.below(Math.max(topic.config.writeQueueNums, 1)));
    return queueId < topic.queueCount ? topic.queue(queueId) : undefined;
  }

  /** Brings the properties with the broker's own behind them into the scratch buffer; -1 when they are special. */
  #readProperties(bytes: Buffer): number {
    const scanner = this.#scanner;
    const start = scanner.starts[Letter.PROPERTIES] ?? -1;
    if (start < 0) return -1;
    const target = this.#properties;
    let end = scanner.isJson
      ? unescapeJson(bytes, start, scanner.ends[Letter.PROPERTIES] ?? 0, target, 0)
      : bytes.copy(target, 0, start, scanner.ends[Letter.PROPERTIES] ?? 0);
    if (end <= 0 || end > PROPERTIES_SIZE_MAX) return -1;
    if (target[end - 1] !== PROPERTY_SEPARATOR) target[end++] = PROPERTY_SEPARATOR;
    const scan = this.#propertyScan;
    scan.scan(target, 0, end);
    const uniqueKeySize = scan.uniqKeyEnd - scan.uniqKeyStart;
    const isOrdinary =
      (scan.traits & SPECIAL) === 0 && scan.uniqKeyStart >= 0 && uniqueKeySize <= UNIQUE_KEY_SIZE_MAX;
    if (!isOrdinary || !isPlainText(target, scan.uniqKeyStart, scan.uniqKeyEnd)) return -1;
    const { stamp } = this.#producing;
    if (end + stamp.length > PROPERTIES_SIZE_MAX) return -1;
    stamp.copy(target, end);
    return end + stamp.length;
  }

  #fill(
    topic: Topic,
    queue: StoreQueue,
    peer: Peer,
    bytes: Buffer,
    bodyStart: number,
    bodyEnd: number,
    propertiesEnd: number,
  ): AppendRequest | undefined {
    const scanner = this.#scanner;
    const sysFlag = scanner.integer(Letter.SYS_FLAG);
    const flag = scanner.integer(Letter.FLAG);
    const bornTimestamp = scanner.integer(Letter.BORN_TIMESTAMP);
    const isSpecial =
      (sysFlag & SysFlag.TRANSACTION_MASK) !== 0 || Number.isNaN(sysFlag + flag + bornTimestamp);
    if (isSpecial || (flag | 0) !== flag || (sysFlag | 0) !== sysFlag) return undefined;
    const reconsumeTimes = scanner.integer(Letter.RECONSUME_TIMES) || 0;
    const request = (this.#request ??= this.#newRequest(topic, queue, peer));
    request.queue = queue;
    request.topic = topic.nameBytes;
    request.flag = flag;
    request.sysFlag = storedSysFlag(sysFlag, peer.bornHost, this.#producing.settings.storeHost, topic);
    request.bornTimestamp = bornTimestamp;
    request.bornHost = peer.bornHost;
    request.reconsumeTimes = reconsumeTimes;
    request.body = bytes;
    request.bodyStart = bodyStart;
    request.bodyEnd = bodyEnd;
    request.propertiesEnd = propertiesEnd;
    return request;
  }

  #newRequest(topic: Topic, queue: StoreQueue, peer: Peer): AppendRequest {
    return {
      queue,
      topic: topic.nameBytes,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: 0,
      bornHost: peer.bornHost,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: this.#properties,
      bodyStart: 0,
      bodyEnd: 0,
      properties: this.#properties,
      propertiesStart: 0,
      propertiesEnd: 0,
      propertyScan: this.#propertyScan,
      tagsCode: undefined,
    };
  }

  #acknowledge(
    channel: RemotingChannel,
    peer: Peer,
    durability: Durability,
    queueId: number,
    frameBytes: number,
  ): void {
    const group = this.#store.group(durability);
    let acks = peer.acks[durability];
    if (acks?.group !== group) acks = this.#join(channel, peer, durability, group);
    acks.working(frameBytes);
    if (this.#scanner.isOneway) return;
    const { uniqKeyStart, uniqKeyEnd } = this.#propertyScan;
    const { queueOffset, physicalOffset } = this.#result;
    acks.add(
      this.#scanner.opaque,
      queueId,
      queueOffset,
      physicalOffset,
      this.#properties,
      uniqKeyStart,
      uniqKeyEnd,
    );
  }

  #join(channel: RemotingChannel, peer: Peer, durability: Durability, group: DurabilityGroup): SendAcks {
    const acks = new SendAcks(channel, group, this.#heads[durability]);
    peer.acks[durability] = acks;
    group.join(acks);
    return acks;
  }

  #peerOf(channel: RemotingChannel): Peer {
    let peer = this.#peers.get(channel);
    if (peer === undefined) {
      peer = { bornHost: encodeHost(channel.stream.remoteAddress, channel.stream.remotePort), acks: {} };
      this.#peers.set(channel, peer);
    }
    return peer;
  }
}

/** True when the text can stand in a JSON string as it is. */
function isPlainText(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false;
  }
  return true;
}
