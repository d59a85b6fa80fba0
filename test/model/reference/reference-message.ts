/** A message as it was meant: what must be true of it wherever it shows up. */
export interface Draft {
  /** Unique among all that were sent; the body begins with it. */
  readonly id: string;
  readonly bodySize: number;
  readonly tag: string | undefined;
  readonly keys: readonly string[];
  readonly reconsumeTimes: number;
  /** Properties that must be among the stored ones. */
  readonly properties: Readonly<Record<string, string>>;
}

/** A message in its queue. */
export interface Stored {
  readonly draft: Draft;
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  /** Position in the log: who is told it may ask by it. */
  readonly physicalOffset: number;
  readonly storedAt: number;
}

const ID_END = '|';

export function bodyOf({ id, bodySize }: Draft): Buffer {
  return Buffer.from((id + ID_END).padEnd(bodySize, '.'));
}

export function idOf(body: Buffer): string {
  return body.toString('latin1', 0, Math.max(body.indexOf(ID_END), 0));
}

/** All that a producer puts into the properties. */
export function propertiesOf({ tag, keys, properties }: Draft): Map<string, string> {
  const all = new Map(Object.entries(properties));
  if (tag !== undefined) all.set('TAGS', tag);
  if (keys.length > 0) all.set('KEYS', keys.join(' '));
  return all;
}

/** Java's String.hashCode: brokers compare tags by it alone (semantics 2.9, 6.1). */
export function javaHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0;
  return hash;
}
