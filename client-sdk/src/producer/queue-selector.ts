import { javaStringHash } from '@cometmq/common/message/tags-code';
import type { RandomSource } from '@cometmq/common/random/random';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';

/** Topics with a turn of their own; beyond that all turns begin anew. */
const TOPICS_MAX = 10_000;

/** Spreads messages over the queues of their topic, broker by broker where one fails. */
export class QueueSelector {
  readonly #random: RandomSource;
  readonly #turns = new Map<string, number>();

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /**
   * The next queue in turn, on a broker that `usable` accepts and other than `avoid` if there is one.
   * @returns undefined only when `queues` is empty.
   */
  next(
    topic: string,
    queues: readonly MessageQueue[],
    usable: (brokerName: string) => boolean,
    avoid: string | undefined,
  ): MessageQueue | undefined {
    const turn = this.#turn(topic);
    const rotated = queues.map((_, step) => queues[(turn + step) % queues.length] as MessageQueue);
    return (
      rotated.find(({ brokerName }) => brokerName !== avoid && usable(brokerName)) ??
      rotated.find(({ brokerName }) => usable(brokerName)) ??
      rotated.find(({ brokerName }) => brokerName !== avoid) ??
      rotated[0]
    );
  }

  #turn(topic: string): number {
    const turn = this.#turns.get(topic) ?? this.#random.below(0x10000);
    if (this.#turns.size >= TOPICS_MAX && !this.#turns.has(topic)) this.#turns.clear();
    this.#turns.set(topic, (turn + 1) & 0x7fffffff);
    return turn;
  }
}

/** The queue of a sharding key (Java: SelectMessageQueueByHash), so that other clients' producers choose the same. */
export function queueOfKey(key: string, queues: readonly MessageQueue[]): MessageQueue | undefined {
  return queues[Math.abs(javaStringHash(key) % queues.length)];
}
