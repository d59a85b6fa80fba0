// Random SQL92 filters against an evaluator of a few lines: it walks the tree that the text was made from, with exceptions
// for what can't be compared, as Java does, and knows nothing of the parser or of closures.
import { parseSql } from '@cometmq/broker/filter/sql-parser';
import fc from 'fast-check';
import { expect, test } from 'vitest';

type Properties = ReadonlyMap<string, string>;
type Truth = boolean | null;

/** Text of an expression, and what it should give. */
interface Sample<V> {
  readonly text: string;
  readonly value: (properties: Properties) => V;
}

const NAMES = ['a', 'b', 'TAGS', '$x_1'];
const TEXTS = [
  '',
  '1',
  '2',
  '-1',
  '1.5',
  'x',
  'true',
  'FALSE',
  "it's",
  ' 2 ',
  '10',
  '+1',
  '1e1',
  'NaN',
  '-- x',
];

const quote = (text: string): string => `'${text.split("'").join("''")}'`;

const name = fc.constantFrom(...NAMES);
const constantText = fc.constantFrom(...TEXTS);
const blank = fc.constantFrom(' ', '  ', '\n', '\t', ' /* * AND */ ', ' -- OR\n');
const keyword = (word: string) =>
  fc.constantFrom(word, word.toLowerCase(), word.charAt(0) + word.slice(1).toLowerCase());

interface Num {
  readonly text: string;
  readonly number: number;
  readonly isLong: boolean;
}
const num: fc.Arbitrary<Num> = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map((n) => ({ text: String(n), number: n, isLong: true })),
  fc.integer({ min: 0, max: 20 }).map((n) => ({ text: `+ ${n}`, number: n, isLong: true })),
  fc.constantFrom(0.5, 1.5, 2, 10).map((n) => ({ text: n.toFixed(2), number: n, isLong: false })),
  fc.constantFrom(1, 10).map((n) => ({ text: `-${n}E0`, number: -n, isLong: false })),
);

function asNumber(text: string, isLong: boolean): number {
  const isNumber = isLong ? /^[+-]?[0-9]+$/.test(text) : /^\s*[+-]?[0-9.]+(e[0-9]+)?\s*$|^NaN$/.test(text);
  if (!isNumber) throw new Error('NumberFormatException');
  return Number(text);
}

const ORDER: Record<string, (l: number, r: number) => boolean> = {
  '<': (l, r) => (Number.isNaN(r) ? !Number.isNaN(l) : l < r),
  '>': (l, r) => (Number.isNaN(l) ? !Number.isNaN(r) : l > r),
  '<=': (l, r) => Number.isNaN(r) || l <= r,
  '>=': (l, r) => Number.isNaN(l) || l >= r,
};
const operator = fc.constantFrom(...Object.keys(ORDER));

/** Property and number, either way round, or two properties as doubles. */
const ordered: fc.Arbitrary<Sample<Truth>> = fc.oneof(
  fc.tuple(name, operator, num, fc.boolean()).map(([n, op, { text, number, isLong }, swap]) => ({
    text: swap ? `${text}${op}${n}` : `${n}${op}${text}`,
    value: (p: Properties) => {
      const found = p.get(n);
      if (found === undefined) return null;
      const one = asNumber(found, isLong);
      return swap ? ORDER[op]!(number, one) : ORDER[op]!(one, number);
    },
  })),
  fc.tuple(name, operator, name).map(([l, op, r]) => ({
    text: `${l} ${op} ${r}`,
    value: (p: Properties) => {
      const [one, other] = [p.get(l), p.get(r)];
      if (one === undefined || other === undefined) return null;
      return ORDER[op]!(asNumber(one, false), asNumber(other, false));
    },
  })),
);

const negated = (value: Truth): Truth => (value === null ? null : !value);

const equality: fc.Arbitrary<Sample<Truth>> = fc
  .tuple(
    name,
    fc.oneof(
      constantText.map((t) => ({ text: quote(t), same: (s: string) => s === t })),
      num.map((n) => ({ text: n.text, same: (s: string) => Object.is(asNumber(s, n.isLong) + 0, n.number) })),
      fc.boolean().map((b) => ({
        text: String(b).toUpperCase(),
        same: (s: string) => (s.toLowerCase() === 'true') === b,
      })),
    ),
    fc.boolean(),
  )
  .map(([n, { text, same }, isEqual]) => ({
    text: `${n} ${isEqual ? '=' : '<>'} ${text}`,
    value: (p: Properties) => {
      const found = p.get(n);
      if (found === undefined) return null;
      return isEqual ? same(found) : !same(found);
    },
  }));

const between: fc.Arbitrary<Sample<Truth>> = fc
  .tuple(name, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), fc.boolean())
  .map(([n, low, more, isWithin]) => ({
    text: `${n} ${isWithin ? '' : 'NOT '}BETWEEN ${low} AND ${low + more}`,
    value: (p: Properties) => {
      const found = p.get(n);
      if (found === undefined) return null;
      const number = asNumber(found, true);
      return (number >= low && number <= low + more) === isWithin;
    },
  }));

const inList: fc.Arbitrary<Sample<Truth>> = fc
  .tuple(name, fc.array(constantText, { minLength: 1, maxLength: 6 }), fc.boolean())
  .map(([n, list, isIn]) => ({
    text: `${n} ${isIn ? '' : 'not '}in (${list.map(quote).join(', ')})`,
    value: (p: Properties) => {
      const found = p.get(n);
      return found === undefined ? null : list.includes(found) === isIn;
    },
  }));

const textTest: fc.Arbitrary<Sample<Truth>> = fc
  .tuple(name, fc.constantFrom('CONTAINS', 'STARTSWITH', 'ENDSWITH'), constantText, fc.boolean())
  .map(([n, test, wanted, holds]) => ({
    text: `${n} ${holds ? '' : 'NOT '}${test} ${quote(wanted)}`,
    value: (p: Properties) => {
      const found = p.get(n);
      if (found === undefined || wanted === '') return false;
      const at = test === 'ENDSWITH' ? found.lastIndexOf(wanted) : found.indexOf(wanted);
      const start = test === 'STARTSWITH' ? 0 : test === 'ENDSWITH' ? found.length - wanted.length : at;
      return (at >= 0 && at === start) === holds;
    },
  }));

const isNull: fc.Arbitrary<Sample<Truth>> = fc.tuple(name, fc.boolean()).map(([n, isMissing]) => ({
  text: `${n} IS ${isMissing ? '' : 'NOT '}NULL`,
  value: (p: Properties) => p.has(n) !== isMissing,
}));

const constant: fc.Arbitrary<Sample<Truth>> = fc
  .constantFrom<[string, Truth]>(['TRUE', true], ['false', false], ['Null', null])
  .map(([text, value]) => ({ text, value: () => value }));

const { condition } = fc.letrec<{ condition: Sample<Truth>; inner: Sample<Truth> }>((tie) => ({
  inner: tie('condition').map(({ text, value }) => ({ text: `(${text})`, value })),
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(ordered, equality, between, inList, textTest, isNull, constant),
    fc.tuple(tie('inner'), blank, keyword('NOT')).map(([of, space, not]) => ({
      text: `${not}${space}${of.text}`,
      value: (p: Properties) => negated(of.value(p)),
    })),
    fc
      .tuple(tie('inner'), tie('inner'), blank, keyword('AND'), keyword('OR'), fc.boolean())
      .map(([l, r, space, and, or, isAnd]) => ({
        text: `${l.text}${space}${isAnd ? and : or}${space}${r.text}`,
        value: (p: Properties) => {
          const one = l.value(p);
          if (one === !isAnd) return one;
          const other = r.value(p);
          if (other === !isAnd) return other;
          return one === null || other === null ? null : isAnd;
        },
      })),
  ),
}));

const properties = fc
  .uniqueArray(fc.tuple(name, constantText), { selector: ([n]) => n })
  .map((entries) => new Map(entries));

test('a parsed filter gives what its tree gives', () => {
  fc.assert(
    fc.property(
      condition,
      fc.array(properties, { minLength: 1, maxLength: 8 }),
      ({ text, value }, messages) => {
        const parsed = parseSql(text);
        for (const message of messages) {
          const got = parsed.read(message);
          let wanted: Truth | 'failed';
          try {
            wanted = value(message);
          } catch {
            wanted = 'failed';
          }
          expect(typeof got === 'symbol' ? 'failed' : (got ?? null)).toBe(wanted);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test('any text is parsed or refused, never more', () => {
  const words = fc.constantFrom(
    ...[
      'a',
      'AND',
      'OR',
      'NOT',
      '(',
      ')',
      '=',
      '<>',
      '>',
      "'x'",
      '1',
      '1.5',
      'IN',
      ',',
      'BETWEEN',
      'IS',
      'NULL',
    ],
    ...['-', '+', 'TRUE', 'CONTAINS', "'", '--', '\n', '/*', '*/', '#', '\u{1F600}'],
  );
  const text = fc.oneof(
    fc.array(words, { maxLength: 12 }).map((all) => all.join(' ')),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (expression) => {
      try {
        parseSql(expression).read(new Map([['a', '1']]));
      } catch (error) {
        expect(error).toMatchObject({ kind: 'SUBSCRIPTION_ILLEGAL' });
      }
    }),
    { numRuns: 2_000 },
  );
});
