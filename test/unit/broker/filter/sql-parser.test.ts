import { Limits } from '@cometmq/broker/config/limits';
import { parseSql } from '@cometmq/broker/filter/sql-parser';
import { errorText } from '@cometmq/common/error/mq-error';
import { describe, expect, test } from 'vitest';
import recorded from '../../../fixtures/sql92-java.json' with { type: 'json' };

type Properties = Readonly<Record<string, string>>;

/** As the fixture words it: true, false, null, error, refused. */
function outcome(expression: string, properties: Properties = {}): string {
  try {
    const value = parseSql(expression).read(new Map(Object.entries(properties)));
    return typeof value === 'symbol' ? 'error' : String(value ?? null);
  } catch (error) {
    expect(error).toMatchObject({ kind: 'SUBSCRIPTION_ILLEGAL' });
    return 'refused';
  }
}

function refusal(expression: string): string {
  try {
    parseSql(expression);
    return 'accepted';
  } catch (error) {
    return errorText(error);
  }
}

/** Where ours differs on purpose; docs/filters.md tells users. */
const DIFFERENT = new Map([
  // RocketMQ ignores what follows a whole expression.
  ...['a = 1 garbage', 'a = 1)', 'a = 01', 'a = 1 a', 'a = 0 5', 'a = 05', 'a = 1.0d', 'a > 1L2'].map(
    (expression) => [expression, 'refused'] as const,
  ),
  // Its small integers have 32 bits.
  ['a > 1 2147483648', 'true'],
  ['a > 1L 2147483648', 'true'],
  ['a > 3 2147483648', 'true'],
  // It fails to convert a string on the right to a boolean.
  ['TRUE = a true', 'true'],
  ['TRUE = a yes', 'false'],
  ['(TRUE) = a true', 'true'],
  // Hexadecimal and Arabic digits.
  ['a > 1.5 0x1p3', 'error'],
  ['a > 1 \u0663', 'error'],
]);

test.each(recorded.rows as unknown as [string, Properties, string][])(
  '%s with %o as RocketMQ: %s',
  (expression, properties, java) => {
    const { a = '' } = properties;
    const expected = DIFFERENT.get(`${expression} ${a}`) ?? DIFFERENT.get(expression) ?? java;
    expect(outcome(expression, properties)).toBe(expected);
  },
);

describe('places', () => {
  test.each([
    ['', "character 1: expected a property, a value, NOT or '(', found the end"],
    ['a > ', "character 5: expected a property, a value, NOT or '(', found the end"],
    ['a > 5 AND', "character 10: expected a property, a value, NOT or '(', found the end"],
    ['a LIKE 5', 'character 3: expected an operator or the end, found LIKE'],
    ['a + 1 > 2', 'character 3: expected an operator or the end, found +'],
    ['(a = 1', "character 7: expected an operator or ')', found the end"],
    ['a = b c', 'character 7: expected an operator or the end, found c'],
    ["a IN ('x' 'y')", "character 11: expected ',' or ')', found 'y'"],
    ['a IN b', "character 6: expected '(' and a list of strings, found b"],
    ['a BETWEEN 1 OR 2', 'character 13: expected AND and the upper bound, found OR'],
    ['a NOT 5', 'character 7: expected BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH, found 5'],
    ['a IS NOT 5', 'character 10: expected NULL, found 5'],
    ["a = 'x", 'character 5: the string that begins here is not closed'],
    ['a = 1 /* x', 'character 7: the comment that begins here is not closed'],
    ['a\n= # 1', 'character 5: "#" is not part of the language'],
    ['a = \u{1F600}', 'character 5: "\u{1F600}" is not part of the language'],
    ["a > 'x' AND", "character 5: expected a number or a property to compare, found 'x'"],
    ['a = 99999999999999999999', 'character 5: 99999999999999999999 is beyond a long (9223372036854775807)'],
    ['a = 1 AND 5', 'character 11: expected a condition, found 5'],
  ])('%s', (expression, message) => {
    expect(refusal(expression)).toBe(`SQL92 filter, ${message}`);
  });
});

describe('longs beyond what a double holds', () => {
  test.each([
    ['a = 9007199254740993', '9007199254740993', 'true'],
    ['a = 9007199254740993', '9007199254740992', 'false'],
    ['a > 9223372036854775806', '9223372036854775807', 'true'],
    ['a > -9223372036854775807', '-9223372036854775808', 'false'],
    ['a < 5', '-9223372036854775809', 'error'],
    ['a > 5', '000000000000000000000000000006', 'true'],
  ])('%s with %s', (expression, a, expected) => {
    expect(outcome(expression, { a })).toBe(expected);
  });
});

describe('limits', () => {
  test('length', () => {
    const fits = `a = '${'x'.repeat(Limits.filterLength - 6)}'`;
    expect([refusal(fits), refusal(`${fits} `)]).toEqual([
      'accepted',
      `SQL92 filter, character ${Limits.filterLength + 1}: longer than ${Limits.filterLength} characters`,
    ]);
  });

  test('strings in a list', () => {
    const list = (count: number) => `a IN (${Array<string>(count).fill("''").join(',')})`;
    expect(refusal(list(Limits.filterListItems))).toBe('accepted');
    expect(refusal(list(Limits.filterListItems + 1))).toContain('a list of more than');
  });

  test.each([
    ['parentheses', `${'('.repeat(5_000)}a=1`],
    ['signs', `a = ${'-'.repeat(10_000)}1`],
    ['NOT', `${'NOT '.repeat(4_000)}a = 1`],
    ['a chain of =', `a${'=1'.repeat(8_000)}`],
    ['a chain of IS NULL', `a${' IS NULL'.repeat(2_000)}`],
    ['a chain of tests', `a${" CONTAINS 'x'".repeat(1_000)}`],
  ])('nesting by %s', (_name, expression) => {
    expect(refusal(expression)).toContain(`nested deeper than ${Limits.filterDepth}`);
  });

  test('a long chain of AND or OR is not deep', () => {
    const chain = Array<string>(2_000).fill('a=1').join(' OR ');
    expect(outcome(chain, { a: '1' })).toBe('true');
  });

  test('a value is read once, however ranges are nested', () => {
    let expression = 'a = 1';
    for (let level = 0; level < 40; level++) expression = `-(${expression}) BETWEEN 1 AND 2`;
    let reads = 0;
    const counting = { get: () => String(++reads) };
    expect(parseSql(expression).read(counting)).toBeUndefined();
    expect(reads).toBe(1);
  });

  test('numbers in properties take linear time', () => {
    expect(outcome('a > 1 OR a > 1.5', { a: `${'1'.repeat(32_000)}x` })).toBe('error');
  });
});

test.each([
  ["NOT region <> 'eu'", 'error'],
  ["(region > 1) NOT CONTAINS ''", 'false'],
  ["(region > 1) NOT CONTAINS 'x'", 'error'],
])('%s as RocketMQ', (expression, expected) => {
  expect(outcome(expression, { region: 'us' })).toBe(expected);
});

test('AND and OR of true, false and null', () => {
  const value = { T: 'TRUE', F: 'FALSE', N: 'NULL' } as const;
  const table = Object.entries(value).map(([left, l]) =>
    Object.entries(value).map(([right, r]) => [
      `${left}${right}`,
      outcome(`${l} AND ${r}`),
      outcome(`${l} OR ${r}`),
    ]),
  );
  expect(table.flat()).toEqual([
    ['TT', 'true', 'true'],
    ['TF', 'false', 'true'],
    ['TN', 'null', 'true'],
    ['FT', 'false', 'true'],
    ['FF', 'false', 'false'],
    ['FN', 'false', 'null'],
    ['NT', 'null', 'true'],
    ['NF', 'false', 'null'],
    ['NN', 'null', 'null'],
  ]);
});
