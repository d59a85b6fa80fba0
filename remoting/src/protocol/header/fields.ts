import { MqError } from '@cometmq/common/error/mq-error';
import type { ExtFields } from '../remoting-command.ts';

/** How one header field travels. `parse` gets the text; undefined text is handled by presence. */
export interface Field<T> {
  parse(text: string, name: string): T;
  format(value: NonNullable<T>): string;
  readonly required: boolean;
}

const INTEGER = /^[+-]?\d{1,20}$/;
const INT32_MAX = 2 ** 31 - 1;

function required<T>(parse: (text: string, name: string) => T): Field<T> {
  return { parse, format: String, required: true };
}

/** The same field, but it may be absent. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return { ...field, required: false };
}

export const text: Field<string> = required((value) => value);

export const int32: Field<number> = required((value, name) => {
  const number = Number(value);
  if (!INTEGER.test(value) || number > INT32_MAX || number < -INT32_MAX - 1) throw illegal(name, value);
  return number;
});

/**
 * A 64-bit integer as a number, clamped to the safe range: clients send Long.MAX_VALUE for "no limit", and every
 * other value that occurs (offsets, milliseconds) is far below 2^53.
 */
export const int64: Field<number> = required((value, name) => {
  if (!INTEGER.test(value)) throw illegal(name, value);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
});

/** As Java's Boolean.parseBoolean; C++ clients send 1. */
export const bool: Field<boolean> = required((value) => value.toLowerCase() === 'true' || value === '1');

type FieldTable = Readonly<Record<string, Field<unknown>>>;

type ValueOf<F> = F extends Field<infer T> ? T : never;

/** The values of a header: required fields always, optional ones when they were sent. */
export type HeaderOf<H> = H extends Header<infer T> ? Values<T> : never;

type Values<T extends FieldTable> = {
  readonly [K in keyof T as undefined extends ValueOf<T[K]> ? never : K]: ValueOf<T[K]>;
} & {
  readonly [K in keyof T as undefined extends ValueOf<T[K]> ? K : never]?: ValueOf<T[K]>;
};

/** The fields of one request's or response's header, declared once for reading and writing. */
export interface Header<T extends FieldTable> {
  /** @throws MqError `PROTOCOL` naming the field that is missing or malformed. */
  decode(fields: ExtFields | undefined): Values<T>;
  encode(values: Values<T>): ExtFields;
}

export function header<T extends FieldTable>(table: T): Header<T> {
  const entries = Object.entries(table);
  return {
    decode(fields): Values<T> {
      const values: Record<string, unknown> = {};
      for (const [name, field] of entries) {
        const value = fields?.[name];
        if (value !== undefined) values[name] = field.parse(value, name);
        else if (field.required) throw new MqError('PROTOCOL', `the custom field <${name}> is null`);
      }
      return values as Values<T>;
    },
    encode(values): ExtFields {
      const fields = Object.create(null) as ExtFields;
      const source = values as Record<string, unknown>;
      for (const [name, field] of entries) {
        const value = source[name];
        if (value !== undefined && value !== null) fields[name] = field.format(value);
      }
      return fields;
    },
  };
}

function illegal(name: string, value: string): MqError {
  return new MqError(
    'PROTOCOL',
    `the custom field <${name}> is not an integer in range: ${value.slice(0, 32)}`,
  );
}
