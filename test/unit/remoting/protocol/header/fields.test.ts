import { describe, expect, test } from 'vitest';
import { bool, header, int32, int64, optional, text } from '@cometmq/remoting/protocol/header/fields';

const Table = header({ name: text, count: int32, offset: int64, on: bool, extra: optional(int32) });
const REQUIRED = { name: 'n', count: '1', offset: '2', on: 'true' };

describe('int32', () => {
  test.each([
    ['0', 0],
    ['-1', -1],
    ['+5', 5],
    ['2147483647', 2_147_483_647],
    ['-2147483648', -2_147_483_648],
    ['007', 7],
  ])('%s is read', (value, number) => {
    expect(int32.parse(value, 'count')).toBe(number);
  });

  test.each([
    '2147483648',
    '-2147483649',
    '',
    ' ',
    '1.0',
    '1e3',
    '0x10',
    'NaN',
    'Infinity',
    '1 ',
    '٣',
    '9'.repeat(30),
  ])('%j is refused', (value) => {
    expect(() => int32.parse(value, 'count')).toThrow('the custom field <count>');
  });
});

describe('int64', () => {
  test.each([
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', Number.MAX_SAFE_INTEGER],
    ['9223372036854775807', Number.MAX_SAFE_INTEGER],
    ['-9223372036854775808', Number.MIN_SAFE_INTEGER],
    ['-1', -1],
  ])('%s is read, clamped to what a number holds', (value, number) => {
    expect(int64.parse(value, 'offset')).toBe(number);
  });

  test.each(['', '1.5', '1e3', '0x10', 'NaN', '9'.repeat(21)])('%j is refused', (value) => {
    expect(() => int64.parse(value, 'offset')).toThrow('the custom field <offset>');
  });
});

describe('headers', () => {
  test('required fields must be there, optional ones need not', () => {
    expect(Table.decode(REQUIRED)).toEqual({ name: 'n', count: 1, offset: 2, on: true });
    for (const name of Object.keys(REQUIRED)) {
      const rest = Object.fromEntries(Object.entries(REQUIRED).filter(([other]) => other !== name));
      expect(() => Table.decode(rest)).toThrow(`the custom field <${name}> is null`);
    }
    expect(() => Table.decode(undefined)).toThrow('is null');
  });

  test.each([
    ['true', true],
    ['TRUE', true],
    ['1', true],
    ['false', false],
    ['0', false],
    ['yes', false],
    ['', false],
  ])('the boolean %j is %s', (value, expected) => {
    expect(Table.decode({ ...REQUIRED, on: value }).on).toBe(expected);
  });

  test('a field named as a member of Object.prototype is not one', () => {
    const Odd = header({ constructor: optional(text), toString: optional(text) });
    expect(Odd.decode(Object.create(null) as Record<string, string>)).toEqual({});
  });

  test('only values that are there are written', () => {
    expect({ ...Table.encode({ name: 'n', count: 1, offset: 2, on: false }) }).toEqual({
      ...REQUIRED,
      on: 'false',
    });
  });
});
