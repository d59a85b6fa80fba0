import { NAME_VALUE_SEPARATOR, PROPERTY_SEPARATOR } from '@cometmq/common/message/properties';
import { javaStringHash } from '@cometmq/common/message/tags-code';

/** Kinds of properties that change what happens to a message. */
export const PropertyTrait = {
  DELAYED: 1,
  TRANSACTION: 2,
  TIMED: 4,
  /** WAIT=false: the producer does not want to wait for durability. */
  NO_WAIT: 8,
} as const;

/**
 * Finds the few properties that matter in the stored text, in one pass over the bytes and without making strings.
 * Reused from message to message.
 */
export class PropertyScan {
  /** Bits of `PropertyTrait`. */
  traits = 0;
  uniqKeyStart = -1;
  uniqKeyEnd = -1;
  keysStart = -1;
  keysEnd = -1;
  tagStart = -1;
  tagEnd = -1;

  scan(bytes: Buffer, start: number, end: number): void {
    this.traits = 0;
    this.uniqKeyStart = this.keysStart = this.tagStart = -1;
    this.uniqKeyEnd = this.keysEnd = this.tagEnd = -1;
    for (let at = start; at < end;) {
      let separator = at;
      while (
        separator < end &&
        bytes[separator] !== NAME_VALUE_SEPARATOR &&
        bytes[separator] !== PROPERTY_SEPARATOR
      ) {
        separator++;
      }
      let valueEnd = separator;
      while (valueEnd < end && bytes[valueEnd] !== PROPERTY_SEPARATOR) valueEnd++;
      if (valueEnd > separator + 1) this.#note(bytes, at, separator, valueEnd);
      at = valueEnd + 1;
    }
  }

  /** Hash of the tag as consume queues hold it; 0 without a tag. */
  tagsCode(bytes: Buffer): number {
    if (this.tagStart < 0) return 0;
    let hash = 0;
    for (let at = this.tagStart; at < this.tagEnd; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= 0x80) return javaStringHash(bytes.toString('utf8', this.tagStart, this.tagEnd));
      hash = (Math.imul(31, hash) + byte) | 0;
    }
    return hash;
  }

  #note(bytes: Buffer, start: number, separator: number, valueEnd: number): void {
    const valueStart = separator + 1;
    switch (separator - start) {
      case 4:
        if (is(bytes, start, TAGS)) {
          this.tagStart = valueStart;
          this.tagEnd = valueEnd;
        } else if (is(bytes, start, KEYS)) {
          this.keysStart = valueStart;
          this.keysEnd = valueEnd;
        } else if (is(bytes, start, WAIT) && is(bytes, valueStart, FALSE))
          this.traits |= PropertyTrait.NO_WAIT;
        break;
      case 5:
        if (is(bytes, start, DELAY)) this.traits |= PropertyTrait.DELAYED;
        break;
      case 8:
        if (is(bytes, start, UNIQ_KEY)) {
          this.uniqKeyStart = valueStart;
          this.uniqKeyEnd = valueEnd;
        } else if (is(bytes, start, TRAN_MSG)) this.traits |= PropertyTrait.TRANSACTION;
        break;
      default:
        if (separator - start > 8 && (is(bytes, start, TIMER_PREFIX) || is(bytes, start, START_DELIVER))) {
          this.traits |= PropertyTrait.TIMED;
        }
    }
  }
}

const TAGS = Buffer.from('TAGS');
const KEYS = Buffer.from('KEYS');
const WAIT = Buffer.from('WAIT');
const FALSE = Buffer.from('false');
const DELAY = Buffer.from('DELAY');
const UNIQ_KEY = Buffer.from('UNIQ_KEY');
const TRAN_MSG = Buffer.from('TRAN_MSG');
const TIMER_PREFIX = Buffer.from('TIMER_DEL');
const START_DELIVER = Buffer.from('__STARTDELIVERTIME');

function is(bytes: Buffer, at: number, word: Buffer): boolean {
  for (let index = 0; index < word.length; index++) if (bytes[at + index] !== word[index]) return false;
  return true;
}
