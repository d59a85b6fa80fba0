import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { HistoryEvent, HistoryPhase } from './history-event.ts';

/** Refusals that are decided before anything is stored. Every other error may come after the write. */
const PROVEN_REFUSALS: ReadonlySet<number> = new Set([
  ResponseCode.SYSTEM_BUSY,
  ResponseCode.MESSAGE_ILLEGAL,
  ResponseCode.NO_PERMISSION,
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
]);

/**
 * How a send that was answered ended. Only SEND_OK is an acknowledgement: FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT and
 * SLAVE_NOT_AVAILABLE say "stored, with a weaker promise".
 */
export function phaseOfAnswer(code: number): HistoryPhase {
  if (code === ResponseCode.SUCCESS) return 'ok';
  return PROVEN_REFUSALS.has(code) ? 'fail' : 'info';
}

/** Collects the events of one run. */
export class HistoryRecorder {
  readonly events: HistoryEvent[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(event: Omit<HistoryEvent, 't'>): void {
    this.events.push({ t: this.#now(), ...event });
  }

  toJsonLines(): string {
    return this.events.map((event) => `${JSON.stringify(event)}\n`).join('');
  }
}
