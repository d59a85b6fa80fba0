import { EventEmitter } from 'node:events';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';

/** Event names with the arguments of their listeners. */
export type EventTable = Record<string, readonly unknown[]>;

/** Events with typed listeners; one that throws is logged and disturbs nobody. */
export class TypedEvents<E extends EventTable> {
  readonly #emitter = new EventEmitter();
  readonly #log: Logger;
  readonly #wrapped = new WeakMap<object, (...values: unknown[]) => void>();

  constructor(log: Logger) {
    this.#log = log;
  }

  on<K extends keyof E & string>(event: K, listener: (...values: E[K]) => void): void {
    const safe = (...values: unknown[]): void => {
      try {
        (listener as (...list: readonly unknown[]) => void)(...values);
      } catch (error) {
        this.#log.error({ event, reason: errorText(error), error }, 'event listener failed');
      }
    };
    this.#wrapped.set(listener, safe);
    this.#emitter.on(event, safe);
  }

  off<K extends keyof E & string>(event: K, listener: (...values: E[K]) => void): void {
    const safe = this.#wrapped.get(listener);
    if (safe !== undefined) this.#emitter.off(event, safe);
  }

  emit<K extends keyof E & string>(event: K, ...values: E[K]): void {
    this.#emitter.emit(event, ...values);
  }

  clear(): void {
    this.#emitter.removeAllListeners();
  }
}
