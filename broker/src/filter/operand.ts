import { filterError } from './sql-lexer.ts';
import type { Long } from './java-number.ts';
import { Limits } from '../config/limits.ts';

/** Where the values of a message's properties come from. */
export interface PropertyLookup {
  get(name: string): string | undefined;
}

/** Stands for an exception of Java's evaluation: whatever depends on it does not match. */
export const FAILED = Symbol('failed');

/** Undefined is null. */
export type Truth = boolean | undefined | typeof FAILED;
export type Scalar = string | number | bigint | Truth;

/** Properties are strings, conditions are booleans, so types are known before there is a message. */
export type OperandType = 'string' | 'long' | 'double' | 'boolean' | 'null';

/** Something that has a value, as far as it is parsed. */
export interface Operand {
  readonly type: OperandType;
  /** Rules of RocketMQ's grammar depend on how a value is written: `5` is a literal, `-5` is not. */
  readonly form: 'literal' | 'property' | 'condition' | 'negation';
  /** How it is written, for messages. */
  readonly text: string;
  /** Place of its first character. */
  readonly at: number;
  /** How many closures lie within each other. */
  readonly depth: number;
  readonly read: (properties: PropertyLookup) => Scalar;
}

/** An operand that is true, false or null. */
export interface Condition extends Operand {
  readonly type: 'boolean';
  readonly read: (properties: PropertyLookup) => Truth;
}

export function property(name: string, at: number): Operand {
  const read = (properties: PropertyLookup): Scalar => properties.get(name);
  return { type: 'string', form: 'property', text: name, at, depth: 1, read };
}

export function literal(
  type: 'string' | 'long' | 'double',
  value: string | Long,
  text: string,
  at: number,
): Operand {
  return { type, form: 'literal', text, at, depth: 1, read: () => value };
}

/** TRUE, FALSE, NULL. */
export function truthLiteral(value: boolean | undefined, text: string, at: number): Condition {
  return { type: 'boolean', form: 'literal', text, at, depth: 1, read: () => value };
}

export function condition(
  of: readonly Operand[],
  at: number,
  read: (properties: PropertyLookup) => Truth,
): Condition {
  const depth = 1 + of.reduce((deepest, operand) => Math.max(deepest, operand.depth), 0);
  if (depth > Limits.filterDepth) throw filterError(at, `nested deeper than ${Limits.filterDepth}`);
  return { type: 'boolean', form: 'condition', text: 'a condition', at, depth, read };
}

/** A minus sign. Of anything but numbers it makes null. */
export function negation(operand: Operand, at: number): Operand {
  const { depth, text } = operand;
  const form = 'negation';
  if (operand.type === 'long' || operand.type === 'double') {
    // Its value is the same for each message.
    const value = operand.read(NO_PROPERTIES);
    const negative = typeof value === 'bigint' ? -value : -Number(value);
    const exact = operand.type === 'long' && negative === 0 ? 0 : negative;
    return { type: operand.type, form, text: `-${text}`, at, depth, read: () => exact };
  }
  const read = (properties: PropertyLookup): Scalar =>
    operand.read(properties) === FAILED ? FAILED : undefined;
  return { type: 'null', form, text: `-${text}`, at, depth: depth + 1, read };
}

/**
 * What counts as true or false where a condition is needed. A bare property never counts as true.
 * @throws MqError when it is a string or a number.
 */
export function asCondition(operand: Operand): Condition {
  if (isCondition(operand)) return operand;
  if (operand.form !== 'property') {
    throw filterError(operand.at, `expected a condition, found ${operand.text}`);
  }
  return condition([operand], operand.at, (properties) =>
    operand.read(properties) === undefined ? undefined : false,
  );
}

function isCondition(operand: Operand): operand is Condition {
  return operand.type === 'boolean';
}

const NO_PROPERTIES: PropertyLookup = { get: () => undefined };
