import { MqError } from '@cometmq/common/error/mq-error';
import { Limits } from '../config/limits.ts';

const KEYWORDS = [
  'AND',
  'BETWEEN',
  'CONTAINS',
  'ENDSWITH',
  'FALSE',
  'IN',
  'IS',
  'NOT',
  'NULL',
  'OR',
  'STARTSWITH',
  'TRUE',
] as const;
const SYMBOLS = ['<>', '>=', '<=', '=', '>', '<', '(', ')', ',', '+', '-'] as const;

export type Keyword = (typeof KEYWORDS)[number];
export type SqlSymbol = (typeof SYMBOLS)[number];

/** `text` of a string is its value, of an integer its digits, of all others what stands in the expression. */
export interface Token {
  readonly kind: 'identifier' | 'string' | 'integer' | 'decimal' | 'end' | Keyword | SqlSymbol;
  readonly text: string;
  /** Place of its first character, counted from 0. */
  readonly at: number;
}

const BLANK = /[ \t\n\r\f]+/y;
const LINE_COMMENT = /--[^\n\r]*[\n\r]/y;
const BLOCK_COMMENT = /\/\*[^]*?\*\//y;
const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const DECIMAL = /(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y;
const INTEGER = /(0|[1-9]\d*)[lL]?/y;
const STRING = /'((?:''|[^'])*)'/y;

/**
 * Splits an SQL92 filter into tokens (Java: SelectorParser.jj). The last one is the end.
 * @throws MqError `SUBSCRIPTION_ILLEGAL`
 */
export function tokenize(expression: string): Token[] {
  if (expression.length > Limits.filterLength) {
    throw filterError(Limits.filterLength, `longer than ${Limits.filterLength} characters`);
  }
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at = skipBlank(expression, at, tokens.at(-1));
    if (at === expression.length) break;
    const { token, end } = next(expression, at);
    tokens.push(token);
    at = end;
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

/** The reason why an expression is refused. `at` counts characters from 0; people are told from 1. */
export function filterError(at: number, what: string): MqError {
  return new MqError('SUBSCRIPTION_ILLEGAL', `SQL92 filter, character ${at + 1}: ${what}`);
}

function next(expression: string, at: number): { readonly token: Token; readonly end: number } {
  let match: RegExpExecArray | null;
  if ((match = matchAt(WORD, expression, at)) !== null) {
    const upper = match[0].toUpperCase();
    const kind = KEYWORDS.find((keyword) => keyword === upper) ?? 'identifier';
    return { token: { kind, text: match[0], at }, end: WORD.lastIndex };
  }
  if ((match = matchAt(STRING, expression, at)) !== null) {
    const text = (match[1] ?? '').replaceAll("''", "'");
    return { token: { kind: 'string', text, at }, end: STRING.lastIndex };
  }
  if ((match = matchAt(DECIMAL, expression, at)) !== null)
    return { token: { kind: 'decimal', text: match[0], at }, end: DECIMAL.lastIndex };
  if ((match = matchAt(INTEGER, expression, at)) !== null)
    return { token: { kind: 'integer', text: match[1] ?? '', at }, end: INTEGER.lastIndex };
  const kind = SYMBOLS.find((symbol) => expression.startsWith(symbol, at));
  if (kind !== undefined) return { token: { kind, text: kind, at }, end: at + kind.length };
  if (expression[at] === "'") throw filterError(at, 'the string that begins here is not closed');
  if (expression.startsWith('/*', at)) throw filterError(at, 'the comment that begins here is not closed');
  const character = JSON.stringify(String.fromCodePoint(expression.codePointAt(at) ?? 0));
  throw filterError(at, `${character} is not part of the language`);
}

function skipBlank(expression: string, from: number, previous: Token | undefined): number {
  let at = from;
  for (;;) {
    const start = at;
    for (const blank of [BLANK, LINE_COMMENT, BLOCK_COMMENT]) {
      if (matchAt(blank, expression, at) !== null) at = blank.lastIndex;
    }
    if (at === start) break;
  }
  // RocketMQ takes `--` for two signs when no line end follows, and ignores what stands behind a whole expression.
  if (expression.startsWith('--', at) && previous !== undefined && endsOperand(previous))
    return expression.length;
  return at;
}

function endsOperand({ kind }: Token): boolean {
  switch (kind) {
    case 'identifier':
    case 'string':
    case 'integer':
    case 'decimal':
    case ')':
    case 'TRUE':
    case 'FALSE':
    case 'NULL':
      return true;
    default:
      return false;
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
