import type { QueueData } from '@cometmq/remoting/protocol/body/route';

/** Which broker has which queues of a topic, as the brokers said. */
export class TopicTable {
  readonly #topicsMax: number;
  readonly #queueDatasMax: number;
  readonly #topics = new Map<string, Map<string, QueueData>>();
  #queueDatas = 0;

  constructor(topicsMax: number, queueDatasMax: number) {
    this.#topicsMax = topicsMax;
    this.#queueDatasMax = queueDatasMax;
  }

  get topics(): Iterable<readonly [topic: string, queueDatas: ReadonlyMap<string, QueueData>]> {
    return this.#topics;
  }

  /** A topic's queues by broker name. */
  queueDatas(topic: string): ReadonlyMap<string, QueueData> | undefined {
    return this.#topics.get(topic);
  }

  has(topic: string, brokerName: string): boolean {
    return this.#topics.get(topic)?.has(brokerName) === true;
  }

  /** Whether all of these topics of one broker fit. */
  hasRoomFor(topics: readonly string[], brokerName: string): boolean {
    let newTopics = 0;
    let newQueueDatas = 0;
    for (const topic of topics) {
      if (!this.#topics.has(topic)) newTopics++;
      if (!this.has(topic, brokerName)) newQueueDatas++;
    }
    return (
      this.#topics.size + newTopics <= this.#topicsMax &&
      this.#queueDatas + newQueueDatas <= this.#queueDatasMax
    );
  }

  put(topic: string, queueData: QueueData): void {
    let brokers = this.#topics.get(topic);
    if (brokers === undefined) {
      brokers = new Map();
      this.#topics.set(topic, brokers);
    }
    if (!brokers.has(queueData.brokerName)) this.#queueDatas++;
    brokers.set(queueData.brokerName, queueData);
  }

  /** Removes a topic from one broker, or from all. */
  remove(topic: string, brokerName?: string): void {
    const brokers = this.#topics.get(topic);
    if (brokers === undefined) return;
    for (const name of brokerName === undefined ? [...brokers.keys()] : [brokerName]) {
      if (brokers.delete(name)) this.#queueDatas--;
    }
    if (brokers.size === 0) this.#topics.delete(topic);
  }

  removeBroker(brokerName: string): void {
    for (const topic of [...this.#topics.keys()]) this.remove(topic, brokerName);
  }

  /** Number of topics that a broker has. */
  countOf(brokerName: string): number {
    let count = 0;
    for (const brokers of this.#topics.values()) if (brokers.has(brokerName)) count++;
    return count;
  }
}
