interface Commit {
  readonly at: number;
  readonly offset: number;
}

/** Semantics 5.5 has five seconds; this broker promises one (docs/ARCHITECTURE.md, "What is durable, and when"). */
const SAVED_AFTER_MS = 1_000;
/** Time that a check itself may take. */
const SLACK_MS = 100;

/** How far groups are, and how far a crash may set them back: to what they once committed, never elsewhere. */
export class ReferenceProgress {
  readonly #commits = new Map<string, Commit[]>();
  /** Those whose oldest commit is one that an orderly stop saved for good. */
  readonly #durable = new Set<string>();

  /** Negative offsets mean nothing. */
  commit(group: string, topic: string, queueId: number, offset: number, at: number): void {
    if (offset < 0) return;
    const key = keyOf(group, topic, queueId);
    const commits = this.#commits.get(key) ?? [];
    commits.push({ at, offset });
    this.#commits.set(key, commits);
  }

  find(group: string, topic: string, queueId: number): number | undefined {
    return this.#commits.get(keyOf(group, topic, queueId))?.at(-1)?.offset;
  }

  /** A deleted topic takes all progress with it. */
  removeTopic(topic: string): void {
    for (const key of [...this.#commits.keys()]) if (split(key).topic === topic) this.#forget(key);
  }

  /** After a clean stop only the newest ones count. */
  saved(): void {
    for (const [key, commits] of this.#commits) {
      commits.splice(0, commits.length - 1);
      this.#durable.add(key);
    }
  }

  all(): { readonly group: string; readonly topic: string; readonly queueId: number }[] {
    return [...this.#commits.keys()].map(split);
  }

  /** What may be found after a crash; undefined stands for nothing. */
  possible(
    group: string,
    topic: string,
    queueId: number,
    crash: 'kill' | 'power',
    now: number,
  ): ReadonlySet<number | undefined> {
    const key = keyOf(group, topic, queueId);
    const commits = this.#commits.get(key) ?? [];
    const nothing = this.#durable.has(key) ? [] : [undefined];
    if (crash === 'power') return new Set([...nothing, ...commits.map(({ offset }) => offset)]);
    const limit = now - SAVED_AFTER_MS - SLACK_MS;
    const safe = commits.findLastIndex(({ at }) => at <= limit);
    const possible: (number | undefined)[] = commits.slice(Math.max(safe, 0)).map(({ offset }) => offset);
    return new Set(safe < 0 ? [...nothing, ...possible] : possible);
  }

  #forget(key: string): void {
    this.#commits.delete(key);
    this.#durable.delete(key);
  }

  /** What a start after a crash found. */
  found(group: string, topic: string, queueId: number, offset: number | undefined, now: number): void {
    const key = keyOf(group, topic, queueId);
    if (offset === undefined) this.#forget(key);
    else this.#commits.set(key, [...(this.#commits.get(key) ?? []), { at: now, offset }]);
  }
}

function keyOf(group: string, topic: string, queueId: number): string {
  return `${group}@${topic}@${queueId}`;
}

function split(key: string): { group: string; topic: string; queueId: number } {
  const [group = '', topic = '', queueId = ''] = key.split('@');
  return { group, topic, queueId: Number(queueId) };
}
