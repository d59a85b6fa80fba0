/** Tells the clients of a crashing broker when to work: each start of the broker is an epoch. */
export class Gate {
  #epoch = 0;
  #isOpen = false;
  #isOver = false;
  #waiting: (() => void)[] = [];

  /** The broker serves. */
  open(): void {
    this.#epoch++;
    this.#isOpen = true;
    this.#wake();
  }

  /** The broker is gone. */
  close(): void {
    this.#isOpen = false;
  }

  /** Everybody ends what they do and leaves. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** Waits for an epoch after `last`; undefined when there is none. */
  async enter(last: number): Promise<number | undefined> {
    while (!this.#isOver && !(this.#isOpen && this.#epoch > last))
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#isOver ? undefined : this.#epoch;
  }

  isOpenFor(epoch: number): boolean {
    return this.#isOpen && !this.#isOver && this.#epoch === epoch;
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
