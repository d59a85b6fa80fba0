import { IllegalStateError, SchemaError } from '../error/client-error.ts';

/** Turns values into bodies and back. */
export interface Codec<In, Out = In> {
  encode(value: In): Uint8Array;
  /** @throws SchemaError when the bytes are not what the topic promises. */
  decode(bytes: Buffer): Out;
}

/** A topic with the type of its bodies. */
export interface Topic<In = Uint8Array | string, Out = Buffer> {
  readonly name: string;
  readonly codec: Codec<In, Out>;
}

/** What a plain string as a topic means: bodies are bytes; text is sent as UTF-8. */
export const rawCodec: Codec<Uint8Array | string, Buffer> = {
  encode: (value) => (typeof value === 'string' ? Buffer.from(value) : value),
  decode: (bytes) => bytes,
};

/** Names a topic together with the codec of its bodies: `topic('orders', { codec: json<Order>() })`. */
export function topic(name: string): Topic;
export function topic<In, Out>(name: string, options: { readonly codec: Codec<In, Out> }): Topic<In, Out>;
export function topic(
  name: string,
  options?: { readonly codec: Codec<never, unknown> },
): Topic<never, unknown> {
  return { name, codec: options?.codec ?? rawCodec };
}

/** The topic that a string or a `Topic` names. */
export function asTopic<In, Out>(value: string | Topic<In, Out>): Topic<In, Out> {
  return typeof value === 'string' ? ({ name: value, codec: rawCodec } as unknown as Topic<In, Out>) : value;
}

/** The part of the Standard Schema interface (zod, valibot, arktype, …) that validating needs. */
export interface StandardSchema<Out> {
  readonly '~standard': {
    validate(value: unknown): SchemaResult<Out> | Promise<SchemaResult<Out>>;
  };
}

type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Bodies as JSON. With a schema, both sending and receiving validate (synchronously). */
export function json<T = unknown>(schema?: StandardSchema<T>): Codec<T> {
  return {
    encode: (value) => {
      const text = JSON.stringify(schema === undefined ? value : validated(schema, value)) as
        string | undefined;
      if (text === undefined) throw new SchemaError('the body has no JSON form', []);
      return Buffer.from(text);
    },
    decode: (bytes) => {
      const value = parse(bytes);
      return schema === undefined ? (value as T) : validated(schema, value);
    },
  };
}

/** Bodies as UTF-8 text. */
export function text(): Codec<string> {
  return { encode: (value) => Buffer.from(value), decode: (bytes) => bytes.toString('utf8') };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new SchemaError('the body is not JSON', [], error);
  }
}

function validated<T>(schema: StandardSchema<T>, value: unknown): T {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise)
    throw new IllegalStateError('the schema validates asynchronously, which bodies cannot');
  if (result.issues === undefined) return result.value;
  const why = result.issues.map(({ message }) => message).join('; ');
  throw new SchemaError(`the body does not fit its schema: ${why}`, result.issues);
}
