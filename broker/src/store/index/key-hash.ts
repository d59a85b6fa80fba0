import type { PropertyScan } from '../property-scan.ts';

/** Before a tag that is looked for as a key. */
const TAG_PREFIX = Buffer.from('T#');

/** Between keys. */
const SPACE = 0x20;

/** Continues Java's string hash over bytes; text outside ASCII is hashed by its UTF-16 units, as Java does. */
function hashOn(hash: number, bytes: Buffer, start: number, end: number): number {
  let result = hash;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80) {
      const text = bytes.toString('utf8', start, end);
      let unicode = hash;
      for (let index = 0; index < text.length; index++)
        unicode = (Math.imul(31, unicode) + text.charCodeAt(index)) | 0;
      return unicode;
    }
    result = (Math.imul(31, result) + byte) | 0;
  }
  return result;
}

/** Takes the entries of one message. */
export interface KeySink {
  put(hash: number, physicalOffset: number, storeSeconds: number): void;
}

/** Gives `sink` the entries of one message: its unique key, each of its keys, its tag. `topicHash` is that of `topic#`. */
export function putKeys(
  sink: KeySink,
  topicHash: number,
  properties: Buffer,
  scan: PropertyScan,
  physicalOffset: number,
  storeTimestamp: number,
): void {
  const seconds = Math.floor(storeTimestamp / 1000);
  if (scan.uniqKeyStart >= 0) {
    sink.put(hashOn(topicHash, properties, scan.uniqKeyStart, scan.uniqKeyEnd), physicalOffset, seconds);
  }
  for (let at = scan.keysStart; at >= 0 && at < scan.keysEnd;) {
    let end = at;
    while (end < scan.keysEnd && properties[end] !== SPACE) end++;
    if (end > at) sink.put(hashOn(topicHash, properties, at, end), physicalOffset, seconds);
    at = end + 1;
  }
  if (scan.tagStart >= 0) {
    const tagged = hashOn(topicHash, TAG_PREFIX, 0, TAG_PREFIX.length);
    sink.put(hashOn(tagged, properties, scan.tagStart, scan.tagEnd), physicalOffset, seconds);
  }
}
