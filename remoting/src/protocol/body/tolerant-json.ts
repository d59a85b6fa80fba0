import { MqError } from '@cometmq/common/error/mq-error';

/** Parsing blocks the event loop: a request of this size takes about half a second. Real ones have some kilobytes. */
const REQUEST_SIZE_MAX = 4 * 1024 * 1024;

/** Deeper nesting than any real body has; beyond it parsing would exhaust the stack. */
const DEPTH_MAX = 64;

/** An object some of whose keys are objects themselves: fastjson writes `Map<MessageQueue, …>` that way. */
export interface ObjectKeyedMap {
  readonly entries: readonly (readonly [key: unknown, value: unknown])[];
}

/**
 * Reads a JSON body as fastjson clients write them: strict JSON first; failing that, with bare and integer keys, object
 * keys, single quotes and trailing commas. Objects have no prototype when the tolerant reader made them.
 * @throws MqError `PROTOCOL` when it is neither.
 */
export function parseBody(body: Buffer | undefined): unknown {
  if (body === undefined) throw new MqError('PROTOCOL', 'the request has no body');
  const text = body.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return new TolerantReader(text).read();
  }
}

/**
 * As `parseBody`, for what a client asks of a server.
 * @throws MqError `PROTOCOL` also for a body that would block the event loop for long.
 */
export function parseRequestBody(body: Buffer | undefined): unknown {
  if (body !== undefined && body.length > REQUEST_SIZE_MAX) {
    throw new MqError(
      'PROTOCOL',
      `the body takes ${body.length} bytes, more than the ${REQUEST_SIZE_MAX} that are read`,
    );
  }
  return parseBody(body);
}

/** The pairs of a map, whether its keys were strings or objects. */
export function mapEntries(value: unknown): readonly (readonly [key: unknown, value: unknown])[] {
  if (value instanceof ObjectKeyed) return value.entries;
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

class ObjectKeyed implements ObjectKeyedMap {
  readonly entries: (readonly [unknown, unknown])[] = [];
}

class TolerantReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    const value = this.#value(0);
    this.#blanks();
    if (this.#at < this.#text.length) throw this.#fault('text behind the value');
    return value;
  }

  #value(depth: number): unknown {
    if (depth > DEPTH_MAX) throw this.#fault('too deeply nested');
    this.#blanks();
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"' || first === "'") return this.#string();
    const word = this.#word();
    // Sets written with their class name: Set[…], TreeSet[…].
    if (/^\w*Set$/.test(word) && this.#text[this.#at] === '[') return this.#array(depth);
    return this.#literal(word);
  }

  #object(depth: number): unknown {
    const plain = Object.create(null) as Record<string, unknown>;
    let keyed: ObjectKeyed | undefined;
    this.#at++;
    for (;;) {
      this.#blanks();
      if (this.#take('}')) return keyed ?? plain;
      const key = this.#key(depth);
      this.#blanks();
      if (!this.#take(':')) throw this.#fault('a colon is missing');
      const value = this.#value(depth + 1);
      if (typeof key === 'string') plain[key] = value;
      else (keyed ??= new ObjectKeyed()).entries.push([key, value]);
      this.#blanks();
      if (!this.#take(',') && this.#text[this.#at] !== '}') throw this.#fault('a comma is missing');
    }
  }

  #key(depth: number): unknown {
    const first = this.#text[this.#at];
    if (first === '{') return this.#value(depth + 1);
    return first === '"' || first === "'" ? this.#string() : this.#word();
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#at++;
    for (;;) {
      this.#blanks();
      if (this.#take(']')) return items;
      items.push(this.#value(depth + 1));
      this.#blanks();
      if (!this.#take(',') && this.#text[this.#at] !== ']') throw this.#fault('a comma is missing');
    }
  }

  #string(): string {
    const quote = this.#text[this.#at] ?? '"';
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote) end += this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) throw this.#fault('a string is not closed');
    const raw = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    const inner = quote === '"' ? raw : raw.replaceAll("\\'", "'").replaceAll('"', '\\"');
    try {
      return JSON.parse(`"${inner}"`) as string;
    } catch (error) {
      throw new MqError('PROTOCOL', `body is not JSON: bad string at ${this.#at}`, { cause: error });
    }
  }

  #word(): string {
    const match = /[^\s{}[\]:,"']+/y;
    match.lastIndex = this.#at;
    const word = match.exec(this.#text)?.[0];
    if (word === undefined) throw this.#fault('a value is missing');
    this.#at += word.length;
    return word;
  }

  #literal(word: string): unknown {
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'null') return null;
    const number = Number(word.replace(/[LDFBS]$/, ''));
    if (Number.isNaN(number)) throw this.#fault(`unknown word ${word.slice(0, 32)}`);
    return number;
  }

  #blanks(): void {
    while (/\s|\uFEFF/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #fault(why: string): MqError {
    return new MqError('PROTOCOL', `body is not JSON: ${why} at ${this.#at}`);
  }
}
