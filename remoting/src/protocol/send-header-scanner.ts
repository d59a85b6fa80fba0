import { isUtf8 } from 'node:buffer';
import { RequestCode } from './request-code.ts';
import { isOnewayFlag, isResponseFlag } from './remoting-command.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_A = 0x61;
const LETTER_U = 0x75;
const LETTERS = 26;
/** Largest magnitude that survives digit by digit without rounding. */
const SAFE_DIGITS = 15;

const CODE_FIRST = Buffer.from('{"code":');
const SEND_FIRST = Buffer.from(`{"code":${RequestCode.SEND_MESSAGE_V2},`);
const NAME_CODE = Buffer.from('code');
const NAME_EXT = Buffer.from('extFields');
const NAME_FLAG = Buffer.from('flag');
const NAME_OPAQUE = Buffer.from('opaque');
const NAME_VERSION = Buffer.from('version');

/**
 * Reads the header of a SEND_MESSAGE_V2 request without making objects or strings: it notes where the values of the
 * one-letter fields lie. It knows the compact JSON that clients write and the binary header, and gives up (returns
 * false) on anything else, so that correctness never depends on it: such headers go the ordinary way.
 */
export class SendHeaderScanner {
  /** Where the field `a` to `z` begins and ends; -1 when absent. JSON text may hold escapes. */
  readonly starts = new Int32Array(LETTERS);
  readonly ends = new Int32Array(LETTERS);
  opaque = 0;
  isOneway = false;
  version = 0;
  isJson = true;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #highBits = 0;
  #code = 0;
  #flag = 0;

  scan(bytes: Buffer, type: number, start: number, end: number): boolean {
    this.starts.fill(-1);
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.isJson = type === 0;
    const isRead = this.isJson ? this.#json() : type === 1 && this.#binary();
    if (!isRead || this.#code !== RequestCode.SEND_MESSAGE_V2 || isResponseFlag(this.#flag)) return false;
    this.isOneway = isOnewayFlag(this.#flag);
    return true;
  }

  /** A field as a whole number; NaN when it is absent, too long or no number. */
  integer(letter: number): number {
    const start = this.starts[letter] ?? -1;
    const end = this.ends[letter] ?? -1;
    if (start < 0) return Number.NaN;
    const isNegative = this.#bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    if (end === first || end - first > SAFE_DIGITS) return Number.NaN;
    let value = 0;
    for (let at = first; at < end; at++) {
      const digit = (this.#bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return isNegative ? -value : value;
  }

  #json(): boolean {
    const bytes = this.#bytes;
    this.#code = this.#flag = this.opaque = this.version = this.#highBits = 0;
    const start = this.#at;
    // Java and Go write the code first: other requests are told apart by their first bytes.
    if (
      isWord(bytes, start, start + CODE_FIRST.length, CODE_FIRST) &&
      !isWord(bytes, start, start + SEND_FIRST.length, SEND_FIRST)
    ) {
      return false;
    }
    if (bytes[this.#at++] !== OPEN) return false;
    for (;;) {
      const nameAt = this.#name();
      if (nameAt < 0) return false;
      const nameEnd = this.#at - 2;
      if (isWord(bytes, nameAt, nameEnd, NAME_EXT)) {
        if (!this.#jsonFields()) return false;
      } else if (!this.#member(nameAt, nameEnd)) return false;
      const next = bytes[this.#at++];
      if (next === COMMA) continue;
      if (next !== CLOSE || this.#at !== this.#end) return false;
      return this.#highBits < 0x80 || isUtf8(bytes.subarray(start, this.#end));
    }
  }

  /** A member beside the fields: a number that we keep, or a string that we pass over. */
  #member(nameAt: number, nameEnd: number): boolean {
    const bytes = this.#bytes;
    if (bytes[this.#at] === QUOTE) return this.#string() >= 0;
    const value = this.#number();
    if (Number.isNaN(value)) return false;
    if (isWord(bytes, nameAt, nameEnd, NAME_CODE)) this.#code = value;
    else if (isWord(bytes, nameAt, nameEnd, NAME_FLAG)) this.#flag = value;
    else if (isWord(bytes, nameAt, nameEnd, NAME_OPAQUE)) this.opaque = value;
    else if (isWord(bytes, nameAt, nameEnd, NAME_VERSION)) this.version = value;
    return true;
  }

  #jsonFields(): boolean {
    const bytes = this.#bytes;
    if (bytes[this.#at++] !== OPEN) return false;
    for (;;) {
      const nameAt = this.#name();
      if (nameAt < 0) return false;
      const isLetter = this.#at - 2 - nameAt === 1;
      const letter = (bytes[nameAt] ?? 0) - LETTER_A;
      const valueAt = this.#string();
      if (valueAt < 0) return false;
      if (isLetter && letter >= 0 && letter < LETTERS) {
        this.starts[letter] = valueAt;
        this.ends[letter] = this.#at - 1;
      }
      const next = bytes[this.#at++];
      if (next === CLOSE) return true;
      if (next !== COMMA) return false;
    }
  }

  /** Start of a name; leaves the position behind the colon. -1 when there is none. */
  #name(): number {
    const start = this.#string();
    return start >= 0 && this.#bytes[this.#at++] === COLON ? start : -1;
  }

  /** Start of a string's text; leaves the position behind the closing quote. -1 when there is none. */
  #string(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    if (bytes[at++] !== QUOTE) return -1;
    const start = at;
    let high = this.#highBits;
    while (at < end) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.#at = at + 1;
        this.#highBits = high;
        return start;
      }
      if (byte < 0x20) return -1;
      high |= byte;
      const size = byte === BACKSLASH ? escapeSize(bytes, at) : 1;
      if (size === 0) return -1;
      at += size;
    }
    return -1;
  }

  #number(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    const first = at;
    let value = 0;
    for (; at < this.#end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + byte - ZERO;
    }
    this.#at = at;
    const hasLeadingZero = bytes[first] === ZERO && at - first > 1;
    if (at === first || at - first > 10 || hasLeadingZero) return Number.NaN;
    const signed = isNegative ? -value : value;
    return (signed | 0) === signed ? signed : Number.NaN;
  }

  /** Java: RocketMQSerializable. The fields are plain text here. */
  #binary(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    if (this.#end - start < 21) return false;
    this.#code = bytes.readInt16BE(start);
    if (this.#code !== RequestCode.SEND_MESSAGE_V2) return false;
    this.version = bytes.readInt16BE(start + 3);
    this.opaque = bytes.readInt32BE(start + 5);
    this.#flag = bytes.readInt32BE(start + 9);
    if (bytes.readInt32BE(start + 13) !== 0) return false;
    const fieldsEnd = start + 21 + bytes.readInt32BE(start + 17);
    if (fieldsEnd !== this.#end) return false;
    let at = start + 21;
    while (at + 6 <= fieldsEnd) {
      const nameSize = bytes.readInt16BE(at);
      const valueAt = at + 2 + nameSize + 4;
      if (nameSize < 0 || valueAt > fieldsEnd) return false;
      const valueSize = bytes.readInt32BE(valueAt - 4);
      if (valueSize < 0 || valueAt + valueSize > fieldsEnd) return false;
      const letter = (bytes[at + 2] ?? 0) - LETTER_A;
      if (nameSize === 1 && letter >= 0 && letter < LETTERS) {
        this.starts[letter] = valueAt;
        this.ends[letter] = valueAt + valueSize;
      }
      at = valueAt + valueSize;
    }
    return at === fieldsEnd && isUtf8(bytes.subarray(start + 21, fieldsEnd));
  }
}

function isWord(bytes: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start !== word.length) return false;
  for (let index = 0; index < word.length; index++) if (bytes[start + index] !== word[index]) return false;
  return true;
}

/**
 * Writes the text of a JSON string, escapes resolved, as UTF-8 to `target`; returns the end, or -1 for an escape that
 * the fast path does not know or a target that is too small.
 */
export function unescapeJson(
  bytes: Buffer,
  start: number,
  end: number,
  target: Buffer,
  targetStart: number,
): number {
  if (targetStart + end - start > target.length) return -1;
  let to = targetStart;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== BACKSLASH) {
      target[to++] = byte;
      continue;
    }
    const escape = bytes[++at] ?? 0;
    if (escape === LETTER_U) {
      const code = hexDigits(bytes, at + 1);
      if (code < 0 || code >= 0x80 || at + 4 >= end) return -1;
      target[to++] = code;
      at += 4;
    } else {
      const plain = SIMPLE_ESCAPES.get(escape);
      if (plain === undefined) return -1;
      target[to++] = plain;
    }
  }
  return to;
}

const SIMPLE_ESCAPES: ReadonlyMap<number, number> = new Map([
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
  [0x2f, 0x2f],
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

/** Bytes of the escape at `at`; 0 for one that JSON does not have. */
function escapeSize(bytes: Buffer, at: number): number {
  const escape = bytes[at + 1] ?? 0;
  if (escape === LETTER_U) return hexDigits(bytes, at + 2) < 0 ? 0 : 6;
  return SIMPLE_ESCAPES.has(escape) ? 2 : 0;
}

function hexDigits(bytes: Buffer, at: number): number {
  let value = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[at + index] ?? 0;
    const digit =
      byte <= NINE
        ? byte - ZERO
        : (byte | 0x20) >= LETTER_A && (byte | 0x20) < LETTER_A + 6
          ? (byte | 0x20) - LETTER_A + 10
          : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
