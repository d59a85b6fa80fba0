/** Messages that somebody is changing: whoever comes next waits. */
export class TimerLocks {
  readonly #holders = new Map<number, Promise<void>>();

  /** Who holds a message; resolves when it is let go. */
  holder(id: number): Promise<void> | undefined {
    return this.#holders.get(id);
  }

  /** Holds messages that nobody holds; the returned function lets them go. */
  take(ids: readonly number[]): () => void {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    for (const id of ids) this.#holders.set(id, held);
    return () => {
      for (const id of ids) this.#holders.delete(id);
      letGo();
    };
  }

  /** Waits for one's turn with a message. */
  async acquire(id: number): Promise<() => void> {
    for (let holder = this.#holders.get(id); holder !== undefined; holder = this.#holders.get(id))
      await holder;
    return this.take([id]);
  }
}
