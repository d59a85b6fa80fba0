/** Before a tag that is looked for as a key. */
export const TAG_PREFIX = Buffer.from('T#');

/** Continues Java's string hash over bytes; text outside ASCII is hashed by its UTF-16 units, as Java does. */
export function hashOn(hash: number, bytes: Buffer, start: number, end: number): number {
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
