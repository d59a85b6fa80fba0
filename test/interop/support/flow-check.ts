import { expect } from 'vitest';
import { flowText } from './bodies.ts';
import type { Acked, Driver, ReceivedMessage } from './driver.ts';
import { waitUntil } from './wait.ts';

const place = (broker: string, queueId: number, queueOffset: number): string =>
  `${broker}:${queueId}@${queueOffset}`;

/** Number of a flow's message, or -1 when the text is not one that the flow can have sent. */
export function flowNumber(prefix: string, sizeBytes: number, text: string | undefined): number {
  const n = text?.startsWith(`${prefix}-`) === true ? Number.parseInt(text.slice(prefix.length + 1), 10) : -1;
  return n >= 0 && text === flowText(prefix, n, sizeBytes) ? n : -1;
}

/** Knows every acknowledged message of one flow and what a consumer has seen so far. */
export class FlowCheck {
  readonly #prefix: string;
  readonly #sizeBytes: number;
  readonly #places = new Map<number, Set<string>>();
  readonly #wrong: string[] = [];
  #seen = 0;

  constructor(prefix: string, sizeBytes: number) {
    this.#prefix = prefix;
    this.#sizeBytes = sizeBytes;
  }

  /** Takes the messages that were added since the last call. */
  take(messages: readonly ReceivedMessage[]): void {
    for (; this.#seen < messages.length; this.#seen++) {
      const m = messages[this.#seen] as ReceivedMessage;
      const n = flowNumber(this.#prefix, this.#sizeBytes, m.text);
      if (n < 0) {
        this.#wrong.push(`${place(m.broker, m.queueId, m.queueOffset)} ${m.text?.slice(0, 80) ?? m.sha}`);
        continue;
      }
      const places = this.#places.get(n) ?? new Set();
      places.add(place(m.broker, m.queueId, m.queueOffset));
      this.#places.set(n, places);
    }
  }

  missing(acked: readonly Acked[]): Acked[] {
    return acked.filter(([n]) => !this.#places.has(n));
  }

  get delivered(): number {
    return this.#places.size;
  }

  /** Each acknowledged message was delivered from the place its acknowledgement named; nothing else came. */
  expectAll(acked: readonly Acked[]): void {
    expect(this.#wrong).toEqual([]);
    expect(this.missing(acked)).toEqual([]);
    const elsewhere = acked.filter(([n, ...where]) => this.#places.get(n)?.has(place(...where)) !== true);
    expect(elsewhere).toEqual([]);
    expect(new Set(acked.map(([, ...where]) => place(...where))).size).toBe(acked.length);
  }
}

/** Waits until the consumer has every acknowledged message, and judges what it has. */
export async function expectDelivered(
  driver: Driver,
  consumer: string,
  flow: { readonly prefix: string; readonly size: number },
  acked: readonly Acked[],
  deadlineMs = 90_000,
): Promise<FlowCheck> {
  const check = new FlowCheck(flow.prefix, flow.size);
  await waitUntil(
    () => {
      const missing = check.missing(acked);
      const first = JSON.stringify(missing.slice(0, 5));
      return `${driver.flavour} ${consumer}: ${missing.length} of ${acked.length} acknowledged are missing: ${first}`;
    },
    () => {
      check.take(driver.messages(consumer));
      return check.missing(acked).length === 0;
    },
    deadlineMs,
  );
  check.expectAll(acked);
  return check;
}
