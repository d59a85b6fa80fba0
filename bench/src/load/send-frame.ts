import { putDigits, putHex } from './digits.ts';

export interface SendFrameOptions {
  readonly topic: string;
  readonly group: string;
  readonly bodySize: number;
  readonly serialization: 'json' | 'binary';
  /** 0 sends single messages, more a batch of so many. */
  readonly batchMembers: number;
  readonly brokerName: string;
  /** What comes behind the properties that every message has, each as `name 1 value 2`. */
  readonly properties?: string;
  /** A property of this name counts 0 to 9 in each queue, for filters to choose by. */
  readonly digit?: string;
  /** Asks for delivery so long after the birth of a message; 0 or undefined: at once. */
  readonly deliverAfterMs?: number;
  /** The first half of a transaction. */
  readonly isHalf?: boolean;
}

const OPAQUE_DIGITS = 7;
/** Opaques keep seven digits, so that a frame never changes its length. */
export const OPAQUE_MIN = 1_000_000;
export const OPAQUE_COUNT = 8_000_000;
const KEY_COUNTER_DIGITS = 10;
const KEY_PLACEHOLDER = '#'.repeat(32);
const DIGIT_PLACEHOLDER = '$';
const TIME_DIGITS = 13;
const TIME_PLACEHOLDER = '@'.repeat(TIME_DIGITS);
/** Messages go to four queues in turn; the digit goes on by one in each. */
const KEYS_PER_DIGIT = 4;
/** Java: MessageSysFlag.TRANSACTION_PREPARED_TYPE. */
const SYS_FLAG_HALF = 4;
const CODE_SEND_MESSAGE_V2 = 310;
const CODE_SEND_BATCH_MESSAGE = 320;
const VERSION = 493;

/**
 * The frame of a send as the Java client 5.4.0 writes it (test/fixtures/golden/java-5.4.0/send-sync.jsonl), with the
 * places that differ from message to message.
 */
export class SendFrame {
  readonly size: number;
  /** Messages in one frame. */
  readonly messages: number;
  readonly #bytes: Buffer;
  readonly #isJson: boolean;
  readonly #keyPrefix: string;
  readonly #opaqueAt: number;
  readonly #queueIdAt: number;
  readonly #bornTimestampAt: number;
  readonly #keysAt: readonly number[];
  /** -1: there is none. */
  readonly #digitAt: number;
  readonly #deliverAtAt: number;
  readonly #deliverAfterMs: number;

  constructor(options: SendFrameOptions, keyPrefix: string) {
    const { batchMembers, bodySize } = options;
    this.messages = Math.max(1, batchMembers);
    this.#isJson = options.serialization === 'json';
    const members = Array.from({ length: batchMembers }, () => batchMember(bodySize));
    const body = batchMembers === 0 ? Buffer.alloc(bodySize, 'x') : Buffer.concat(members);
    const header = this.#isJson ? jsonHeader(options) : binaryHeader(options);
    const prefix = Buffer.alloc(8);
    prefix.writeInt32BE(4 + header.length + body.length, 0);
    prefix.writeInt32BE(header.length | (this.#isJson ? 0 : 1 << 24), 4);
    this.#bytes = Buffer.concat([prefix, header, body]);
    this.size = this.#bytes.length;
    this.#opaqueAt = this.#isJson ? placeBehind(this.#bytes, '"opaque":') : 8 + 5;
    this.#queueIdAt = this.#isJson
      ? placeBehind(this.#bytes, '"e":"')
      : placeBehind(this.#bytes, '\0\x01e\0\0\0\x01');
    this.#bornTimestampAt = this.#isJson
      ? placeBehind(this.#bytes, '"g":"')
      : placeBehind(this.#bytes, '\0\x01g\0\0\0\x0d');
    this.#keysAt = [...keyPlaces(this.#bytes)];
    this.#digitAt = options.digit === undefined ? -1 : placeOf(this.#bytes, DIGIT_PLACEHOLDER);
    this.#deliverAfterMs = options.deliverAfterMs ?? 0;
    this.#deliverAtAt = this.#deliverAfterMs === 0 ? -1 : placeOf(this.#bytes, TIME_PLACEHOLDER);
    this.#keyPrefix = keyPrefix.padEnd(32, '0').slice(0, 32 - KEY_COUNTER_DIGITS);
    for (const at of this.#keysAt) this.#bytes.write(this.#keyPrefix, at, 'latin1');
  }

  /** Writes the next frame; `key` is the number of its first unique key. */
  write(
    target: Buffer,
    at: number,
    opaque: number,
    queueId: number,
    bornTimestamp: number,
    key: number,
  ): void {
    this.#bytes.copy(target, at);
    if (this.#isJson) putDigits(target, at + this.#opaqueAt, opaque, OPAQUE_DIGITS);
    else target.writeInt32BE(opaque, at + this.#opaqueAt);
    target[at + this.#queueIdAt] = 0x30 + queueId;
    putDigits(target, at + this.#bornTimestampAt, bornTimestamp, TIME_DIGITS);
    if (this.#digitAt >= 0) target[at + this.#digitAt] = 0x30 + (Math.floor(key / KEYS_PER_DIGIT) % 10);
    if (this.#deliverAtAt >= 0)
      putDigits(target, at + this.#deliverAtAt, bornTimestamp + this.#deliverAfterMs, TIME_DIGITS);
    let next = key;
    for (const keyAt of this.#keysAt)
      putHex(target, at + keyAt + 32 - KEY_COUNTER_DIGITS, next++, KEY_COUNTER_DIGITS);
  }

  /** The unique key number `key` as it stands in a message. */
  keyText(key: number): string {
    return this.#keyPrefix + key.toString(16).toUpperCase().padStart(KEY_COUNTER_DIGITS, '0');
  }

  /** Keys that one frame uses up: a batch has one of its own besides those of its members. */
  get keys(): number {
    return this.#keysAt.length;
  }

  /** Where the body begins. */
  get bodyAt(): number {
    return 8 + (this.#bytes.readInt32BE(4) & 0xffffff);
  }
}

function properties(): string {
  return `UNIQ_KEY\x01${KEY_PLACEHOLDER}\x02WAIT\x01true\x02TAGS\x01TagA\x02`;
}

function allProperties({
  properties: more = '',
  digit,
  deliverAfterMs = 0,
  isHalf,
  group,
}: SendFrameOptions): string {
  const pairs = [
    digit === undefined ? '' : `${digit}\x01${DIGIT_PLACEHOLDER}\x02`,
    deliverAfterMs === 0 ? '' : `TIMER_DELIVER_MS\x01${TIME_PLACEHOLDER}\x02`,
    isHalf === true ? `TRAN_MSG\x01true\x02PGROUP\x01${group}\x02` : '',
  ];
  return properties() + pairs.join('') + more;
}

/** The fields in the order in which Java writes them. Queue ids have one digit. */
function fields(options: SendFrameOptions): readonly (readonly [string, string])[] {
  return [
    ['a', options.group],
    ['b', options.topic],
    ['c', 'TBW102'],
    ['d', '4'],
    ['e', '0'],
    ['f', String(options.isHalf === true ? SYS_FLAG_HALF : 0)],
    ['g', '0'.repeat(TIME_DIGITS)],
    ['h', '0'],
    [
      'i',
      options.batchMembers === 0
        ? allProperties(options)
        : `UNIQ_KEY\x01${KEY_PLACEHOLDER}\x02WAIT\x01true\x02`,
    ],
    ['j', '0'],
    ['k', 'false'],
    ['m', options.batchMembers === 0 ? 'false' : 'true'],
    ['n', options.brokerName],
  ];
}

function codeOf(options: SendFrameOptions): number {
  return options.batchMembers === 0 ? CODE_SEND_MESSAGE_V2 : CODE_SEND_BATCH_MESSAGE;
}

function jsonHeader(options: SendFrameOptions): Buffer {
  const text = JSON.stringify({
    code: codeOf(options),
    extFields: Object.fromEntries(fields(options)),
    flag: 0,
    language: 'JAVA',
    opaque: OPAQUE_MIN,
    serializeTypeCurrentRPC: 'JSON',
    version: VERSION,
  });
  return Buffer.from(text);
}

function binaryHeader(options: SendFrameOptions): Buffer {
  const ext = Buffer.concat(
    fields(options).map(([name, value]) => {
      const bytes = Buffer.alloc(2 + name.length + 4 + value.length);
      bytes.writeInt16BE(name.length, 0);
      bytes.write(name, 2, 'latin1');
      bytes.writeInt32BE(value.length, 2 + name.length);
      bytes.write(value, 6 + name.length, 'latin1');
      return bytes;
    }),
  );
  const fixed = Buffer.alloc(21);
  fixed.writeInt16BE(codeOf(options), 0);
  fixed.writeInt16BE(VERSION, 3);
  fixed.writeInt32BE(ext.length, 17);
  return Buffer.concat([fixed, ext]);
}

/** One message of a batch body (Java: MessageDecoder.encodeMessage): size, magic, CRC, flag, body, properties. */
function batchMember(bodySize: number): Buffer {
  const text = Buffer.from(properties(), 'latin1');
  const bytes = Buffer.alloc(22 + bodySize + text.length, 'x');
  bytes.fill(0, 0, 16);
  bytes.writeInt32BE(bytes.length, 0);
  bytes.writeInt32BE(bodySize, 16);
  bytes.writeInt16BE(text.length, 20 + bodySize);
  text.copy(bytes, 22 + bodySize);
  return bytes;
}

function placeBehind(bytes: Buffer, text: string): number {
  const at = bytes.indexOf(text, 8, 'latin1');
  if (at < 0) throw new Error(`the frame has no ${JSON.stringify(text)}`);
  return at + text.length;
}

function placeOf(bytes: Buffer, placeholder: string): number {
  return placeBehind(bytes, placeholder) - placeholder.length;
}

function* keyPlaces(bytes: Buffer): Generator<number> {
  for (let at = bytes.indexOf(KEY_PLACEHOLDER); at >= 0; at = bytes.indexOf(KEY_PLACEHOLDER, at + 1))
    yield at;
}
