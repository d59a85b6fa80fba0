import { compareDouble, compareLong, parseDouble, parseLong } from './java-number.ts';
import type { Condition, Operand, OperandType, PropertyLookup, Scalar, Truth } from './operand.ts';
import { FAILED, condition } from './operand.ts';
import { filterError } from './sql-lexer.ts';

export type Ordering = '>' | '>=' | '<' | '<=';
export type TextTest = 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH';

/** Compares two values that are not null: negative, 0, positive; undefined when they can't be compared. */
type Compare = (left: Scalar, right: Scalar) => number | undefined;

/** `=`. Two nulls are equal; null on the left makes null, on the right false (Java: doCreateEqual). */
export function equal(left: Operand, right: Operand): Condition {
  const isTruthLiteral = left.form === 'literal' && left.type === 'boolean';
  for (const operand of [left, right]) {
    if (operand.form === 'literal' && operand.type === 'boolean' && operand.read(NOTHING) === undefined)
      throw filterError(operand.at, `NULL cannot be compared, write IS NULL or IS NOT NULL`);
  }
  if (isTruthLiteral && right.form === 'literal' && right.type !== 'boolean')
    throw filterError(right.at, `${left.text} cannot be compared with ${right.text}`);
  // A condition compared with a string is nearly always `NOT a = 'x'` without parentheses; Java fails on it as well.
  const isMistake = left.type === 'boolean' && !isTruthLiteral && right.type === 'string';
  const compare = isMistake ? incomparable : comparison(left.type, right.type);
  return condition([left, right], left.at, (properties) => {
    const l = left.read(properties);
    const r = right.read(properties);
    if (l === FAILED || r === FAILED) return FAILED;
    if (l === undefined) return r === undefined ? true : undefined;
    if (r === undefined) return false;
    const answer = compare(l, r);
    return answer === undefined ? FAILED : answer === 0;
  });
}

export function isNull(operand: Operand): Condition {
  return condition([operand], operand.at, (properties) => {
    const value = operand.read(properties);
    return value === FAILED ? FAILED : value === undefined;
  });
}

/** `<`, `<=`, `>`, `>=`: between numbers, and between properties that hold numbers. */
export function ordered(operator: Ordering, left: Operand, right: Operand): Condition {
  const test = orderedTest(operator, left, right);
  return condition([left, right], left.at, (properties) => test(left.read(properties), properties));
}

export function between(value: Operand, low: Operand, high: Operand): Condition {
  checkOrdered(low);
  checkOrdered(high);
  if (low.form === 'literal' && high.form === 'literal') {
    const answer = comparison(high.type, low.type)(high.read(NOTHING), low.read(NOTHING));
    if (answer === undefined || answer < 0)
      throw filterError(low.at, `${low.text} must not be greater than ${high.text}`);
  }
  return range(false, value, orderedTest('>=', value, low), orderedTest('<=', value, high), [low, high]);
}

export function notBetween(value: Operand, low: Operand, high: Operand): Condition {
  return range(true, value, orderedTest('<', value, low), orderedTest('>', value, high), [low, high]);
}

export function inList(operand: Operand, values: readonly string[], wanted: boolean): Condition {
  if (operand.form !== 'property')
    throw filterError(operand.at, `IN needs a property on its left, found ${operand.text}`);
  const list = new Set<Scalar>(values);
  return condition([operand], operand.at, (properties) => {
    const value = operand.read(properties);
    return value === undefined ? undefined : list.has(value) === wanted;
  });
}

/** With a missing property, and with an empty text, also the negated test is false. */
export function textTest(test: TextTest, operand: Operand, wantedText: string, wanted: boolean): Condition {
  const holds = TEXT_TESTS[test];
  return condition([operand], operand.at, (properties) => {
    if (wantedText === '') return false;
    const value = operand.read(properties);
    if (value === FAILED) return FAILED;
    if (typeof value !== 'string') return false;
    return holds(value, wantedText) === wanted;
  });
}

export function not(operand: Condition, at: number): Condition {
  return condition([operand], at, (properties) => {
    const value = operand.read(properties);
    return typeof value === 'boolean' ? !value : value;
  });
}

/** AND of SQL: false decides, then null. */
export function all(terms: readonly Condition[]): Condition {
  return decidedBy(false, terms);
}

/** OR of SQL: true decides, then null. */
export function any(terms: readonly Condition[]): Condition {
  return decidedBy(true, terms);
}

function decidedBy(deciding: boolean, terms: readonly Condition[]): Condition {
  const tests = terms.map((term) => term.read);
  return condition(terms, terms[0]?.at ?? 0, (properties) => {
    let answer: Truth = !deciding;
    for (const test of tests) {
      const value = test(properties);
      if (value === deciding || value === FAILED) return value;
      if (value === undefined) answer = undefined;
    }
    return answer;
  });
}

type ValueTest = (value: Scalar, properties: PropertyLookup) => Truth;

function orderedTest(operator: Ordering, left: Operand, right: Operand): ValueTest {
  checkOrdered(left);
  checkOrdered(right);
  const bothText = left.type === 'string' && right.type === 'string';
  const compare = bothText ? compareAsDoubles : comparison(left.type, right.type);
  const holds = HOLDS[operator];
  return (l, properties) => {
    if (l === undefined || l === FAILED) return l;
    const r = right.read(properties);
    if (r === undefined || r === FAILED) return r;
    const answer = compare(l, r);
    return answer === undefined ? FAILED : holds(answer);
  };
}

/** Two tests of one value, which is read once: read twice, nested ranges would take exponential time. */
function range(
  deciding: boolean,
  value: Operand,
  first: ValueTest,
  second: ValueTest,
  bounds: readonly Operand[],
): Condition {
  return condition([value, ...bounds], value.at, (properties) => {
    const read = value.read(properties);
    const one = first(read, properties);
    if (one === deciding || one === FAILED) return one;
    const other = second(read, properties);
    return other === deciding || other === FAILED || one !== undefined ? other : undefined;
  });
}

/** The string side is converted to the type of the other one (Java: ComparisonExpression.__compare). */
function comparison(left: OperandType, right: OperandType): Compare {
  if (left === 'string' && right === 'string') return (l, r) => (l === r ? 0 : -1);
  if (left === 'boolean' || right === 'boolean') {
    if (!isTextOrTruth(left) || !isTextOrTruth(right)) return () => -1;
    return (l, r) => (truthOf(l) === truthOf(r) ? 0 : -1);
  }
  if (left === 'double' || right === 'double') return compareAsDoubles;
  return compareAsLongs;
}

const incomparable: Compare = () => undefined;

const compareAsDoubles: Compare = (left, right) => {
  const l = typeof left === 'string' ? parseDouble(left) : Number(left);
  const r = typeof right === 'string' ? parseDouble(right) : Number(right);
  return l === undefined || r === undefined ? undefined : compareDouble(l, r);
};

const compareAsLongs: Compare = (left, right) => {
  const l = typeof left === 'string' ? parseLong(left) : left;
  const r = typeof right === 'string' ? parseLong(right) : right;
  return isNumber(l) && isNumber(r) ? compareLong(l, r) : undefined;
};

function isNumber(value: Scalar): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isTextOrTruth(type: OperandType): boolean {
  return type === 'string' || type === 'boolean';
}

/** Boolean.valueOf. */
function truthOf(value: Scalar): boolean {
  return value === true || (typeof value === 'string' && value.toLowerCase() === 'true');
}

function checkOrdered({ form, type, text, at }: Operand): void {
  if (form === 'condition' || (form === 'literal' && type !== 'long' && type !== 'double')) {
    throw filterError(at, `expected a number or a property to compare, found ${text}`);
  }
}

const HOLDS: Readonly<Record<Ordering, (answer: number) => boolean>> = {
  '>': (answer) => answer > 0,
  '>=': (answer) => answer >= 0,
  '<': (answer) => answer < 0,
  '<=': (answer) => answer <= 0,
};

const TEXT_TESTS: Readonly<Record<TextTest, (value: string, wanted: string) => boolean>> = {
  CONTAINS: (value, wanted) => value.includes(wanted),
  STARTSWITH: (value, wanted) => value.startsWith(wanted),
  ENDSWITH: (value, wanted) => value.endsWith(wanted),
};

const NOTHING: PropertyLookup = { get: () => undefined };
