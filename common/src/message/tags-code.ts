/** Java's `String.hashCode`: 32 bits, signed, over UTF-16 units. Consumers compare it bit by bit. */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  return hash;
}

/** The tag hash that consume queues hold: 0 without a tag. */
export function tagsCode(tag: string | undefined): number {
  return tag === undefined || tag === '' ? 0 : javaStringHash(tag);
}
