/** A message that was appended, as the log must hold it. */
export interface ModelMessage {
  readonly physicalOffset: number;
  readonly record: Buffer;
  readonly key: string;
}

/** One queue, or one life of it: a topic that is made again after its deletion begins at 0. */
export class ModelQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly messages: ModelMessage[];
  /** Messages before it were acknowledged as synced. */
  syncedEnd: number;
  /** Messages before it were acknowledged as written or synced. */
  writtenEnd: number;
  state: 'live' | 'dropping' | 'dropped' = 'live';

  constructor(topic: string, queueId: number, messages: readonly ModelMessage[] = []) {
    this.topic = topic;
    this.queueId = queueId;
    this.messages = [...messages];
    this.syncedEnd = this.writtenEnd = messages.length;
  }

  get name(): string {
    return `${this.topic}/${this.queueId}`;
  }
}

/** What one queue must and may hold. */
export interface QueueExpectation {
  readonly queue: ModelQueue;
  readonly state: ModelQueue['state'];
  /** Messages before it must be there after a power cut: acknowledged, or seen by consumers. */
  readonly synced: number;
  /** The same after the death of the process. */
  readonly written: number;
  /** Nothing at or behind it was ever appended. */
  readonly appended: number;
}

/** Messages that were appended together: all or none. */
export type Batch = readonly (readonly [queue: ModelQueue, queueOffset: number])[];

/** What a start may find at one moment. */
export interface Expectation {
  /** By name of the queue; of a topic that was made again the newest one. */
  readonly queues: ReadonlyMap<string, QueueExpectation>;
  readonly openBatches: readonly Batch[];
  /** Retention had given up nothing behind this log position. */
  readonly logStartMax: number;
}

/** What a start found; contents were compared with the model already. */
export interface Outcome {
  readonly logStart: number;
  /** Oldest offset and the one behind the newest. */
  readonly queues: ReadonlyMap<string, readonly [min: number, max: number]>;
}

/** @throws Error that names the first promise that the outcome breaks. */
export function checkOutcome(
  outcome: Outcome,
  expectation: Expectation,
  promise: 'synced' | 'written',
): void {
  if (outcome.logStart > expectation.logStartMax)
    throw new Error(
      `the log begins at ${outcome.logStart}, nothing behind ${expectation.logStartMax} was to go`,
    );
  for (const name of outcome.queues.keys())
    if (!expectation.queues.has(name)) throw new Error(`phantom: nobody sent anything to ${name}`);
  const gone = new Set<string>();
  for (const [name, expected] of expectation.queues) {
    const [min, max] = outcome.queues.get(name) ?? [0, 0];
    const required = promise === 'synced' ? expected.synced : Math.max(expected.synced, expected.written);
    if (expected.state === 'dropped') {
      if (max > 0) throw new Error(`${name} was deleted and has ${max} messages again`);
      continue;
    }
    if (expected.state === 'dropping' && max === 0) {
      gone.add(expected.queue.topic);
      continue;
    }
    if (expected.state === 'dropping' && required > 0 && gone.has(expected.queue.topic))
      throw new Error(`only a part of the queues of ${expected.queue.topic} is deleted`);
    if (max < required)
      throw new Error(`lost: ${name} ends at ${max}, up to ${required} was promised or seen`);
    if (max > expected.appended) throw new Error(`phantom: ${name} ends at ${max} of ${expected.appended}`);
    checkStart(name, min, max, expected.queue, outcome.logStart);
  }
  for (const batch of expectation.openBatches) checkBatch(batch, outcome, expectation);
}

/** Queues begin at their oldest message that the log has. */
function checkStart(name: string, min: number, max: number, queue: ModelQueue, logStart: number): void {
  let first = 0;
  while (first < max && (queue.messages[first]?.physicalOffset ?? 0) < logStart) first++;
  if (min !== first) throw new Error(`${name} begins at ${min}; its oldest message in the log is ${first}`);
}

function checkBatch(batch: Batch, outcome: Outcome, expectation: Expectation): void {
  let present = 0;
  for (const [queue, queueOffset] of batch) {
    const isOther = expectation.queues.get(queue.name)?.queue !== queue;
    if (isOther || expectation.queues.get(queue.name)?.state !== 'live') return;
    if ((outcome.queues.get(queue.name)?.[1] ?? 0) > queueOffset) present++;
  }
  if (present !== 0 && present !== batch.length)
    throw new Error(`${present} of ${batch.length} messages that were appended together are there`);
}
