import type {
  TransactionEvent,
  TransactionState,
  TransactionTimeline,
} from '@cometmq/client/admin/transaction-view';

export const STATE_NAMES: Readonly<Record<TransactionState, string>> = {
  prepared: 'prepared',
  checking: 'being checked',
  expired: 'out of checks',
  committed: 'committed',
  rolledBack: 'rolled back',
  unknown: 'not known',
};

/** A transaction's life as lines, one below the other, each with its time. */
export function drawTimeline(timeline: TransactionTimeline, time: (ms: number) => string): string {
  const { id, state, topic, group, broker, halfOffset, offsetMessageId, storedAt, nextCheckAt } = timeline;
  const head = [
    `transaction ${id}: ${STATE_NAMES[state]}`,
    `topic ${topic}, producer group ${group}, broker ${broker}, half offset ${halfOffset} (${offsetMessageId})`,
    '',
  ];
  const steps = [
    { at: storedAt, mark: '●', text: 'stored' },
    ...timeline.events.map((event) => ({ at: event.at, ...describe(event) })),
  ];
  if (nextCheckAt !== undefined) steps.push({ at: nextCheckAt, mark: '…', text: 'next check' });
  const width = Math.max(...steps.map(({ at }) => time(at).length));
  const lines = steps.flatMap(({ at, mark, text }, index) => [
    ...(index === 0 ? [] : [`${' '.repeat(width)}  │`]),
    `${time(at).padStart(width)}  ${mark} ${printable(text)}`,
  ]);
  return `${[...head.map(printable), ...lines].join('\n')}\n`;
}

/** Control characters in names and reasons must not reach a terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

function describe(event: TransactionEvent): { readonly mark: string; readonly text: string } {
  const { what, who = '', check, answer = '', outcome = '', by = '' } = event;
  const reason = event.reason === undefined || event.reason === '' ? '' : `: ${event.reason}`;
  switch (what) {
    case 'checked':
      return { mark: '?', text: `check ${check ?? ''}: asked ${who}` };
    case 'answered':
      return { mark: '○', text: `${who} answered ${answer}` };
    case 'expired':
      return { mark: '!', text: 'out of checks: waits for an operator' };
    case 'resumed':
      return { mark: '↻', text: `checked again, by ${who}${reason}` };
    case 'repeated':
      return { mark: '○', text: `sent again by group ${who}; stored once` };
    case 'refused':
      return { mark: '✗', text: `${outcome} by ${who} refused${reason}` };
    case 'decided':
      return {
        mark: '■',
        text: `${outcome === 'commit' ? 'committed' : 'rolled back'} by ${by}, ${who}${reason}`,
      };
    default:
      return { mark: '○', text: `${what}${who === '' ? '' : ` by ${who}`}${reason}` };
  }
}
