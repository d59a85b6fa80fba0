// A checker that finds nothing proves nothing: each gets a good history, in which it must find nothing, and the same
// history with one violation planted, which it must name.
import { describe, expect, test } from 'vitest';
import { checkHistory } from '../../../support/history/check-history.ts';
import type { HistoryEvent } from '../../../support/history/history-event.ts';

const RULES = { drains: ['d'], timing: { earlyMs: 5, lateMs: 500 }, offsetFlushMs: 1_000 };

type Draft = Partial<HistoryEvent> & Pick<HistoryEvent, 'op'>;

/** Events one millisecond apart unless they say their time. */
function history(...drafts: Draft[]): HistoryEvent[] {
  let t = 0;
  return drafts.map((draft) => {
    t = draft.t ?? t + 1;
    return { proc: 'p', phase: 'ok', ...draft, t };
  });
}

function found(events: readonly HistoryEvent[]): string[] {
  return [...new Set(checkHistory(events, RULES).map(({ checker }) => checker))];
}

function send(id: string, end: Partial<HistoryEvent>, more: Partial<HistoryEvent> = {}): Draft[] {
  return [
    { op: 'send', phase: 'invoke', id, topic: 'T', body: `#${id}`, ...more },
    { op: 'send', id, queue: 0, ...end },
  ];
}

function seen(id: string, qoff: number, more: Partial<HistoryEvent> = {}): Draft {
  return {
    op: 'deliver',
    proc: 'd',
    id,
    topic: 'T',
    queue: 0,
    qoff,
    body: `#${id}`,
    phys: 100 * qoff,
    ...more,
  };
}

const range = (min: number, max: number, proc = 'd'): Draft => ({
  op: 'range',
  proc,
  topic: 'T',
  queue: 0,
  min,
  max,
});
const [kill, start]: Draft[] = [{ op: 'kill' }, { op: 'start' }];
if (kill === undefined || start === undefined) throw new Error('unreachable');

test('nothing is found in a good history', () => {
  const events = history(
    ...send('a', { qoff: 0, phys: 0 }, { order: 'o', seq: 0, key: 'ka' }),
    ...send('b', { qoff: 1, phys: 100 }, { order: 'o', seq: 1, key: 'kb' }),
    kill,
    { op: 'send', phase: 'invoke', id: 'lost', topic: 'T', body: '#lost' },
    { op: 'send', phase: 'info', id: 'lost', note: 'connection lost' },
    ...send('refused', { phase: 'fail' }),
    start,
    seen('a', 0),
    seen('b', 1),
    range(0, 2),
  );
  expect(found(events)).toEqual([]);
});

describe('C1', () => {
  test('an acknowledged message that nobody sees', () => {
    expect(found(history(...send('a', { qoff: 0 }), range(0, 0)))).toEqual(['C1']);
  });

  test('an acknowledged message at another place than was said', () => {
    const events = history(
      ...send('a', { qoff: 1 }),
      ...send('b', { phase: 'info' }),
      seen('a', 0),
      seen('b', 1),
      range(0, 2),
    );
    expect(found(events)).toEqual(['C1', 'C5']);
  });

  test('a committed half message that nobody sees', () => {
    const half = send('a', { qoff: 7 }, { tx: 'half' });
    expect(found(history(...half, { op: 'end', id: 'a', tx: 'commit' }))).toEqual(['C1']);
    expect(found(history(...half, { op: 'end', phase: 'info', id: 'a', tx: 'commit' }))).toEqual([]);
  });

  test('a returned message that does not come again', () => {
    const events = [...send('a', { qoff: 0 }), seen('a', 0), range(0, 1)];
    const back: Draft = { op: 'back', topic: '%RETRY%g', id: 'a' };
    expect(found(history(...events, back))).toEqual(['C1']);
    expect(found(history(...events, back, seen('a', 0, { topic: '%RETRY%g' })))).toEqual([]);
    expect(found(history(...events, { ...back, phase: 'info' }))).toEqual([]);
  });

  test('an acknowledged topic that is gone', () => {
    const exists: Draft = { op: 'exists', proc: 'd', topic: 'N' };
    expect(found(history({ op: 'create', topic: 'N' }))).toEqual(['C1']);
    expect(found(history({ op: 'create', topic: 'N' }, exists))).toEqual([]);
    expect(found(history({ op: 'create', phase: 'info', topic: 'N' }))).toEqual([]);
  });

  test('an indeterminate one may be missing or there', () => {
    const sent = send('a', { phase: 'info' });
    expect(found(history(...sent))).toEqual([]);
    expect(found(history(...sent, seen('a', 0)))).toEqual([]);
  });
});

describe('C2', () => {
  test('a message that nobody sent', () => {
    expect(found(history(seen('ghost', 0)))).toEqual(['C2']);
  });

  test('a message whose send was refused', () => {
    expect(found(history(...send('a', { phase: 'fail' }), seen('a', 0)))).toEqual(['C2']);
  });

  test('a message that is not what was sent', () => {
    expect(found(history(...send('a', { qoff: 0 }), seen('a', 0, { body: '#b' })))).toEqual(['C2']);
  });

  test('a message in a foreign topic; a retry topic holds what its group returned', () => {
    const sent = send('a', { phase: 'info' });
    expect(found(history(...sent, seen('a', 0, { topic: 'U' })))).toEqual(['C2']);
    const retried = seen('a', 0, { topic: '%RETRY%g' });
    expect(found(history(...sent, retried))).toEqual(['C2']);
    expect(
      found(history(...sent, { op: 'back', phase: 'invoke', topic: '%RETRY%g', id: 'a' }, retried)),
    ).toEqual([]);
  });
});

describe('C3', () => {
  test('a message that was returned once comes back twice', () => {
    const events = [...send('a', { phase: 'info' }), ...send('b', { phase: 'info' })];
    const back: Draft = { op: 'back', phase: 'invoke', topic: '%RETRY%g', id: 'a' };
    const copies = [0, 1].map((qoff) => seen('a', qoff, { topic: '%RETRY%g' }));
    expect(found(history(...events, back, ...copies))).toEqual(['C3a']);
    expect(found(history(...events, back, back, ...copies))).toEqual([]);
  });

  test('one send at two places', () => {
    expect(found(history(...send('a', { phase: 'info' }), seen('a', 0), seen('a', 1)))).toEqual(['C3a']);
  });

  test('a place delivered twice to a group, without and with a crash', () => {
    const delivered = seen('a', 0, { proc: 'c', group: 'g' });
    const sent = send('a', { phase: 'info' });
    expect(found(history(...sent, delivered, delivered))).toEqual(['C3b']);
    expect(found(history(...sent, delivered, kill, start, delivered))).toEqual([]);
    expect(found(history(...sent, delivered, seen('a', 0, { proc: 'c', group: 'h' })))).toEqual([]);
  });
});

describe('C4', () => {
  test('a reader goes back', () => {
    const sent = [...send('a', { phase: 'info' }), ...send('b', { phase: 'info' })];
    const [first, second] = [
      seen('a', 0, { proc: 'c', group: 'g' }),
      seen('b', 1, { proc: 'c', group: 'g' }),
    ];
    expect(found(history(...sent, second, first))).toEqual(['C4']);
    expect(found(history(...sent, second, kill, start, first))).toEqual([]);
  });

  test('messages of one order lie the wrong way round, or in two queues', () => {
    const sent = [
      ...send('a', { phase: 'info' }, { order: 'o', seq: 0 }),
      ...send('b', { phase: 'info' }, { order: 'o', seq: 1 }),
    ];
    expect(found(history(...sent, seen('b', 0), seen('a', 1)))).toEqual(['C4']);
    expect(found(history(...sent, seen('a', 0), seen('b', 1, { queue: 1 })))).toEqual(['C4']);
  });
});

describe('C5', () => {
  test('two observers see different messages, or different positions, at one place', () => {
    const sent = [...send('a', { phase: 'info' }), ...send('b', { phase: 'info' })];
    expect(found(history(...sent, seen('a', 0), seen('b', 0, { proc: 'c' })))).toEqual(['C5']);
    expect(found(history(...sent, seen('a', 0), seen('a', 0, { proc: 'c', phys: 5 })))).toEqual(['C5']);
  });

  test('an answer and an observer do not agree', () => {
    expect(found(history(...send('a', { qoff: 0, phys: 8 }), seen('a', 0)))).toEqual(['C5']);
  });
});

describe('C6', () => {
  const sent = ['a', 'b', 'c'].flatMap((id) => send(id, { phase: 'info' }));

  test.each<[string, Draft[]]>([
    ['a hole', [seen('a', 0), seen('b', 2), range(0, 3)]],
    ['a repeat', [seen('a', 0), seen('b', 0, { phys: 0 }), range(0, 1)]],
    ['fewer messages than the range says', [seen('a', 0), range(0, 2)]],
    ['an impossible range', [range(3, 2, 'c')]],
    ['an end that goes back', [range(0, 3, 'c'), range(0, 2, 'c')]],
    ['a begin that goes back', [range(2, 3, 'c'), range(1, 3, 'c')]],
  ])('%s', (_name, observed) => {
    expect(found(history(...sent, ...observed))).toContain('C6');
  });

  test('a batch that is there in part, or torn apart', () => {
    const batch = ['x', 'y'].flatMap((id) => send(id, { phase: 'info' }, { batch: 'B' }));
    expect(found(history(...batch))).toEqual([]);
    expect(found(history(...batch, seen('x', 0), seen('y', 1)))).toEqual([]);
    expect(found(history(...batch, seen('x', 0)))).toEqual(['C6']);
    expect(
      found(history(...batch, ...send('a', { phase: 'info' }), seen('x', 0), seen('a', 1), seen('y', 2))),
    ).toEqual(['C6']);
  });
});

describe('C7', () => {
  const half = send('a', { qoff: 7 }, { tx: 'half' });
  const end = (tx: 'commit' | 'rollback', phase: HistoryEvent['phase']): Draft => ({
    op: 'end',
    id: 'a',
    tx,
    phase,
  });

  test.each<[string, Draft[]]>([
    ['undecided', [seen('a', 0)]],
    ['before the commit', [seen('a', 0), end('commit', 'invoke'), end('commit', 'ok')]],
    ['after a rollback', [end('rollback', 'invoke'), end('rollback', 'ok'), seen('a', 0)]],
    ['and its decision is refused', [end('commit', 'invoke'), end('commit', 'fail')]],
    ['twice', [end('commit', 'invoke'), end('commit', 'ok'), seen('a', 0), seen('a', 1)]],
  ])('a half message is seen %s', (_name, events) => {
    expect(found(history(...half, ...events))).toEqual(['C7']);
  });

  test('a commit whose answer was lost may have happened', () => {
    expect(found(history(...half, end('commit', 'invoke'), seen('a', 0), end('commit', 'info')))).toEqual([]);
    expect(found(history(...half, end('commit', 'invoke'), end('commit', 'info')))).toEqual([]);
  });
});

describe('C8', () => {
  const sent = send('a', { phase: 'info' }, { t: 1_000, due: 2_000 });
  const at = (stored: number, qoff = 0): Draft => seen('a', qoff, { t: 9_000, stored });

  test('early, in time, late, and late because the broker was down', () => {
    expect(found(history(...sent, at(1_990)))).toEqual(['C8']);
    expect(found(history(...sent, at(1_996)))).toEqual([]);
    expect(found(history(...sent, at(2_500)))).toEqual([]);
    expect(found(history(...sent, at(2_501)))).toEqual(['C8']);
    const down: Draft[] = [
      { op: 'kill', t: 1_500 },
      { op: 'start', t: 2_600 },
    ];
    const downTwice: Draft[] = [
      { op: 'kill', t: 1_500 },
      { op: 'kill', t: 2_550 },
      { op: 'start', t: 2_600 },
    ];
    for (const times of [down, downTwice]) {
      expect(found(history(...sent, ...times, at(3_600)))).toEqual([]);
      expect(found(history(...sent, ...times, at(3_601)))).toEqual(['C8']);
    }
  });

  test('twice, with or without a kill', () => {
    expect(found(history(...sent, at(2_000), at(2_100, 1)))).toEqual(['C8']);
    expect(found(history(...sent, { op: 'kill', t: 2_050 }, at(2_000), at(2_100, 1)))).toEqual(['C8']);
  });
});

describe('C10', () => {
  const commit = (t: number, qoff: number): Draft[] => [
    { op: 'commit', phase: 'invoke', t, group: 'g', topic: 'T', queue: 0, qoff },
    { op: 'commit', t, group: 'g', topic: 'T', queue: 0, qoff },
  ];
  const read = (qoff: number): Draft => ({
    op: 'committed',
    t: 9_000,
    group: 'g',
    topic: 'T',
    queue: 0,
    qoff,
  });

  test('higher than any commit', () => {
    expect(found(history(...commit(1_000, 5), read(6)))).toEqual(['C10']);
    expect(found(history(...commit(1_000, 5), read(5)))).toEqual([]);
  });

  test('lower than an acknowledged one, without a crash', () => {
    expect(found(history(...commit(1_000, 5), read(4)))).toEqual(['C10']);
  });

  test('a crash takes what was committed within the flush interval, not more', () => {
    const down: Draft[] = [
      { op: 'kill', t: 2_500 },
      { op: 'start', t: 2_600 },
    ];
    expect(found(history(...commit(1_000, 5), ...commit(2_000, 9), ...down, read(5)))).toEqual([]);
    expect(found(history(...commit(1_000, 5), ...commit(2_000, 9), ...down, read(4)))).toEqual(['C10']);
    expect(found(history(...commit(1_000, 5), ...down, ...commit(3_000, 9), read(5)))).toEqual(['C10']);
    // Killed again before it serves: what was saved before the first kill stays.
    const again: Draft[] = [
      { op: 'kill', t: 2_500 },
      { op: 'kill', t: 3_500 },
      { op: 'start', t: 3_600 },
    ];
    expect(found(history(...commit(2_000, 9), ...again, read(0)))).toEqual([]);
    expect(found(history(...commit(1_000, 9), ...again, read(0)))).toEqual(['C10']);
    // Taken by the first of two crashes, though nobody read in between.
    const twice: Draft[] = [
      { op: 'kill', t: 2_500 },
      { op: 'start', t: 2_600 },
      { op: 'kill', t: 8_000 },
      { op: 'start', t: 8_100 },
    ];
    expect(found(history(...commit(2_000, 9), ...twice, read(0)))).toEqual([]);
    // What a start found stays, however soon the next kill comes.
    const first: Draft = { op: 'committed', t: 2_700, group: 'g', topic: 'T', queue: 0, qoff: 9 };
    const later: Draft[] = [
      { op: 'kill', t: 2_800 },
      { op: 'start', t: 2_900 },
    ];
    expect(found(history(...commit(2_000, 9), ...down, first, ...later, read(9)))).toEqual([]);
    expect(found(history(...commit(2_000, 9), ...down, first, ...later, read(8)))).toEqual(['C10']);
    // What a crash took does not come back as a demand.
    expect(found(history(...commit(2_000, 9), ...down, read(0), read(0)))).toEqual([]);
  });
});

describe('C12', () => {
  const sent = [...send('a', { qoff: 0 }, { key: 'k' }), seen('a', 0, { stored: 50 }), range(0, 1)];
  const look = (more: Partial<HistoryEvent>): Draft[] => [
    { op: 'lookup', phase: 'invoke', proc: 'q' },
    { op: 'lookup', proc: 'q', topic: 'T', ...more },
  ];

  test.each<[string, Partial<HistoryEvent>, boolean]>([
    ['a key finds its message', { key: 'k', ids: ['a'] }, true],
    ['a key does not find its message', { key: 'k', ids: [] }, false],
    ['a key finds a foreign message', { key: 'k', ids: ['a', 'x'] }, false],
    ['a key finds a message twice', { key: 'k', ids: ['a', 'a'] }, false],
    ['a place holds its message', { id: 'a', ids: ['a'] }, true],
    ['a place holds another one', { id: 'a', ids: ['x'] }, false],
    ['a time finds the first message after it', { queue: 0, stored: 40, qoff: 0 }, true],
    ['a time finds one that is too old', { queue: 0, stored: 60, qoff: 0 }, false],
    ['a time misses one', { queue: 0, stored: 40, qoff: 1 }, false],
  ])('%s', (_name, lookup, isGood) => {
    expect(found(history(...sent, ...look(lookup)))).toEqual(isGood ? [] : ['C12']);
  });

  test('a time finds the end of a queue, and an older message is there afterwards', () => {
    const [invoke, end] = send('a', { qoff: 0 });
    if (invoke === undefined || end === undefined) throw new Error('unreachable');
    const searched = look({ queue: 0, stored: 60, qoff: 0 });
    const events = history(invoke, ...searched, end, seen('a', 0, { stored: 50 }), range(0, 1));
    expect(found(events)).toEqual([]);
  });

  test('a message that was not acknowledged when the lookup began may be missing', () => {
    const [invoke, end] = send('a', { qoff: 0 }, { key: 'k' });
    if (invoke === undefined || end === undefined) throw new Error('unreachable');
    const events = history(
      invoke,
      { op: 'lookup', phase: 'invoke', proc: 'q' },
      end,
      { op: 'lookup', proc: 'q', topic: 'T', key: 'k', ids: [] },
      seen('a', 0),
      range(0, 1),
    );
    expect(found(events)).toEqual([]);
  });
});

test('a name used twice is a fault of the test', () => {
  expect(() => found(history(...send('a', {}), ...send('a', {})))).toThrow('sent twice');
});
