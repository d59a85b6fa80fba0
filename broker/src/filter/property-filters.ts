import { MqError } from '@cometmq/common/error/mq-error';
import type { PropertyLookup } from './operand.ts';
import { parseSql } from './sql-parser.ts';

/** Decides on a message by its properties. */
export interface PropertyFilter {
  matches(properties: PropertyLookup): boolean;
}

export interface PropertyFilterSettings {
  /** Whether consumers may filter by SQL92 (Java: enablePropertyFilter). */
  readonly propertyFilter: boolean;
}

/** Expressions that are kept compiled: some clients send theirs with each pull. */
const COMPILED_MAX = 256;

/** Compiles SQL92 expressions and keeps those in use; also why one was refused. */
export class PropertyFilters {
  readonly #settings: PropertyFilterSettings;
  readonly #compiled = new Map<string, PropertyFilter | MqError>();

  constructor(settings: PropertyFilterSettings) {
    this.#settings = settings;
  }

  /**
   * Only true matches; null, and values that can't be compared, do not.
   * @throws MqError `SUBSCRIPTION_ILLEGAL` with the place and what was expected there; `NOT_SUPPORTED` when the broker's
   * settings forbid such filters.
   */
  compile(expression: string): PropertyFilter {
    if (!this.#settings.propertyFilter) {
      throw new MqError('NOT_SUPPORTED', 'The broker does not support consumer to filter message by SQL92');
    }
    let result = this.#compiled.get(expression);
    if (result === undefined) {
      result = compile(expression);
      const oldest = this.#compiled.keys().next();
      if (this.#compiled.size >= COMPILED_MAX && oldest.done !== true) this.#compiled.delete(oldest.value);
      this.#compiled.set(expression, result);
    }
    if (result instanceof MqError) throw result;
    return result;
  }
}

function compile(expression: string): PropertyFilter | MqError {
  try {
    const condition = parseSql(expression);
    return { matches: (properties) => condition.read(properties) === true };
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
}
