import type { Ordering, TextTest } from './conditions.ts';
import {
  all,
  any,
  between,
  equal,
  inList,
  isNull,
  not,
  notBetween,
  ordered,
  textTest,
} from './conditions.ts';
import { Limits } from '../config/limits.ts';
import { parseLong } from './java-number.ts';
import type { Condition, Operand } from './operand.ts';
import { asCondition, literal, negation, property, truthLiteral } from './operand.ts';
import type { Token } from './sql-lexer.ts';
import { filterError, tokenize } from './sql-lexer.ts';

/**
 * Parses and compiles an SQL92 filter (Java: SelectorParser).
 * @throws MqError `SUBSCRIPTION_ILLEGAL` with the place and what was expected there.
 */
export function parseSql(expression: string): Condition {
  return new SqlParser(tokenize(expression)).parse();
}

/** Recursive descent: or, and, equality, comparison, unary, primary; each binds tighter than the one before. */
class SqlParser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Condition {
    const condition = asCondition(this.#or());
    // RocketMQ ignores what follows, so that `a > 1 b < 2` means `a > 1` there. Better to say so.
    if (this.#peek() !== 'end') throw this.#unexpected('an operator or the end');
    return condition;
  }

  #or(): Operand {
    return this.#chain('OR', () => this.#and(), any);
  }

  #and(): Operand {
    return this.#chain('AND', () => this.#equality(), all);
  }

  #chain(
    operator: 'AND' | 'OR',
    term: () => Operand,
    join: (terms: readonly Condition[]) => Condition,
  ): Operand {
    const first = term();
    if (this.#peek() !== operator) return first;
    const terms = [asCondition(first)];
    while (this.#accept(operator)) terms.push(asCondition(term()));
    return join(terms);
  }

  #equality(): Operand {
    let left = this.#comparison();
    for (;;) {
      if (this.#accept('=')) left = equal(left, this.#comparison());
      else if (this.#accept('<>')) left = not(equal(left, this.#comparison()), left.at);
      else if (this.#accept('IS')) {
        const isNegated = this.#accept('NOT');
        this.#expect('NULL', isNegated ? 'NULL' : 'NULL or NOT NULL');
        left = isNegated ? not(isNull(left), left.at) : isNull(left);
      } else return left;
    }
  }

  #comparison(): Operand {
    let left = this.#unary();
    for (;;) {
      const operator = this.#peek();
      if (operator === '>' || operator === '>=' || operator === '<' || operator === '<=')
        left = this.#ordered(operator, left);
      else if (operator === 'NOT') {
        this.#next++;
        const test = this.#test(left, false);
        if (test === undefined) throw this.#unexpected('BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH');
        left = test;
      } else {
        const test = this.#test(left, true);
        if (test === undefined) return left;
        left = test;
      }
    }
  }

  #ordered(operator: Ordering, left: Operand): Condition {
    this.#next++;
    return ordered(operator, left, this.#unary());
  }

  /** BETWEEN, IN and the tests of text, or undefined when none of them follows. */
  #test(left: Operand, wanted: boolean): Condition | undefined {
    const test = this.#peek();
    switch (test) {
      case 'CONTAINS':
      case 'STARTSWITH':
      case 'ENDSWITH':
        return this.#textTest(test, left, wanted);
      case 'BETWEEN': {
        this.#next++;
        const low = this.#unary();
        this.#expect('AND', 'AND and the upper bound');
        const high = this.#unary();
        return wanted ? between(left, low, high) : notBetween(left, low, high);
      }
      case 'IN':
        this.#next++;
        return inList(left, this.#list(), wanted);
      default:
        return undefined;
    }
  }

  #textTest(test: TextTest, left: Operand, wanted: boolean): Condition {
    this.#next++;
    return textTest(test, left, this.#expect('string', 'a string in quotes').text, wanted);
  }

  #list(): string[] {
    this.#expect('(', "'(' and a list of strings");
    const values: string[] = [];
    do {
      if (values.length === Limits.filterListItems)
        throw filterError(this.#token().at, `a list of more than ${Limits.filterListItems} strings`);
      values.push(this.#expect('string', 'a string in quotes').text);
    } while (this.#accept(','));
    this.#expect(')', "',' or ')'");
    return values;
  }

  #unary(): Operand {
    const { at } = this.#token();
    if (++this.#depth > Limits.filterDepth) throw filterError(at, `nested deeper than ${Limits.filterDepth}`);
    const operand = this.#signed(at);
    this.#depth--;
    return operand;
  }

  #signed(at: number): Operand {
    if (this.#accept('+')) return this.#unary();
    if (this.#accept('-')) return negation(this.#unary(), at);
    if (this.#accept('NOT')) return not(asCondition(this.#unary()), at);
    return this.#primary();
  }

  #primary(): Operand {
    const { kind, text, at } = this.#token();
    switch (kind) {
      case 'identifier':
        this.#next++;
        return property(text, at);
      case 'string':
        this.#next++;
        return literal('string', text, `'${text.replaceAll("'", "''")}'`, at);
      case 'integer':
        this.#next++;
        return longLiteral(text, at);
      case 'decimal':
        this.#next++;
        return doubleLiteral(text, at);
      case 'TRUE':
      case 'FALSE':
        this.#next++;
        return truthLiteral(kind === 'TRUE', kind, at);
      case 'NULL':
        this.#next++;
        return truthLiteral(undefined, kind, at);
      case '(': {
        this.#next++;
        const inner = this.#or();
        this.#expect(')', "an operator or ')'");
        return inner;
      }
      default:
        throw this.#unexpected("a property, a value, NOT or '('");
    }
  }

  #token(): Token {
    const token = this.#tokens[this.#next] ?? this.#tokens.at(-1);
    if (token === undefined) throw filterError(0, 'no expression');
    return token;
  }

  #peek(): Token['kind'] {
    return this.#token().kind;
  }

  #accept(kind: Token['kind']): boolean {
    if (this.#peek() !== kind) return false;
    this.#next++;
    return true;
  }

  #expect(kind: Token['kind'], name: string): Token {
    const token = this.#token();
    if (token.kind !== kind) throw this.#unexpected(name);
    this.#next++;
    return token;
  }

  #unexpected(expected: string): Error {
    const { kind, text, at } = this.#token();
    const found = kind === 'end' ? 'the end' : kind === 'string' ? `'${text}'` : text;
    return filterError(at, `expected ${expected}, found ${found}`);
  }
}

/** Integers have 64 bits. */
function longLiteral(text: string, at: number): Operand {
  const value = parseLong(text);
  if (value === undefined) throw filterError(at, `${text} is beyond a long (9223372036854775807)`);
  return literal('long', value, text, at);
}

/** Java tests the range against Double.MIN_VALUE, the smallest positive number, so that 0.0 is refused. */
function doubleLiteral(text: string, at: number): Operand {
  const value = Number(text);
  if (value === 0) throw filterError(at, `${text} is not greater than 0; write 0 for zero`);
  if (value === Infinity) throw filterError(at, `${text} is beyond a double`);
  return literal('double', value, text, at);
}
