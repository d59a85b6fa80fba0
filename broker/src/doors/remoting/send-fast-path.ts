import { encodeHost } from '@cometmq/common/message/host';
import { SendHeaderScanner, unescapeJson } from '@cometmq/remoting/protocol/send-header-scanner';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { DirectSend, Durability } from '../../service/direct-send.ts';
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

const LETTER_T = 0x74;
const DIGIT_ONE = 0x31;

interface Peer {
  readonly bornHost: Buffer;
  readonly acks: Partial<Record<Durability, SendAcks>>;
}

/**
 * Reads ordinary sends straight from the receive buffer and answers them in one piece for each connection and group
 * commit. Every other frame is left to the ordinary handlers.
 */
export class SendFastPath {
  readonly #direct: DirectSend;
  readonly #heads: Readonly<Record<Durability, Buffer>>;
  readonly #peers = new Map<RemotingChannel, Peer>();
  readonly #scanner = new SendHeaderScanner();

  constructor(direct: DirectSend) {
    this.#direct = direct;
    this.#heads = {
      synced: answerHead(direct.storeHost, 'synced'),
      written: answerHead(direct.storeHost, 'written'),
    };
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
    if (!scanner.scan(bytes, type, headerStart, headerEnd) || !this.#hasRequired() || this.#isBatch(bytes))
      return false;
    const direct = this.#direct;
    const { starts, ends } = scanner;
    if (!direct.findTopic(bytes, starts[Letter.TOPIC] ?? 0, ends[Letter.TOPIC] ?? 0)) return false;
    const propertiesSize = this.#readProperties(bytes);
    if (propertiesSize < 0 || !this.#readNumbers()) return false;
    const peer = this.#peerOf(channel);
    direct.bornHost = peer.bornHost;
    if (!direct.send(bytes, headerEnd, frameEnd, propertiesSize)) return false;
    this.#acknowledge(channel, peer, frameEnd - headerStart);
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

  #readNumbers(): boolean {
    const scanner = this.#scanner;
    const direct = this.#direct;
    direct.queueId = scanner.integer(Letter.QUEUE_ID);
    direct.sysFlag = scanner.integer(Letter.SYS_FLAG);
    direct.flag = scanner.integer(Letter.FLAG);
    direct.bornTimestamp = scanner.integer(Letter.BORN_TIMESTAMP);
    direct.reconsumeTimes = scanner.integer(Letter.RECONSUME_TIMES) || 0;
    const { queueId, sysFlag, flag, bornTimestamp, reconsumeTimes } = direct;
    const are32Bits = isInt32(queueId) && isInt32(sysFlag) && isInt32(flag) && isInt32(reconsumeTimes);
    return are32Bits && !Number.isNaN(bornTimestamp);
  }

  /** Size of the properties' text, or -1 when the ordinary way must read them. */
  #readProperties(bytes: Buffer): number {
    const scanner = this.#scanner;
    const start = scanner.starts[Letter.PROPERTIES] ?? -1;
    const end = scanner.ends[Letter.PROPERTIES] ?? -1;
    const target = this.#direct.properties;
    if (start < 0 || end - start > target.length) return -1;
    return scanner.isJson ? unescapeJson(bytes, start, end, target, 0) : bytes.copy(target, 0, start, end);
  }

  #acknowledge(channel: RemotingChannel, peer: Peer, frameBytes: number): void {
    const direct = this.#direct;
    const { durability, uniqueKeyStart, uniqueKeyEnd } = direct;
    const group = direct.group(durability);
    let acks = peer.acks[durability];
    if (acks?.group !== group) {
      acks = peer.acks[durability] = new SendAcks(channel, group, this.#heads[durability], acks?.size ?? 0);
      group.join(acks);
    }
    acks.working(frameBytes);
    if (this.#scanner.isOneway) return;
    const { queueOffset, physicalOffset } = direct.result;
    const isPlain = isPlainText(direct.properties, uniqueKeyStart, uniqueKeyEnd);
    const keyEnd = isPlain ? uniqueKeyEnd : uniqueKeyStart;
    acks.add(
      this.#scanner.opaque,
      direct.queueId,
      queueOffset,
      physicalOffset,
      direct.properties,
      uniqueKeyStart,
      keyEnd,
    );
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

function isInt32(value: number): boolean {
  return (value | 0) === value;
}

/** True when the text can stand in a JSON string as it is, and is as short as a real key. */
function isPlainText(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > UNIQUE_KEY_SIZE_MAX) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false;
  }
  return true;
}
