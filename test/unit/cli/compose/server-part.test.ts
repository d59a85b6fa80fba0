import { expect, test } from 'vitest';
import type { ServerPart } from 'cometmq/compose/server-part';
import { startParts, stopParts } from 'cometmq/compose/server-part';

function parts(events: string[], faults: Readonly<Record<string, 'start' | 'stop'>> = {}): ServerPart[] {
  return ['a', 'b', 'c'].map((title) => ({
    title,
    start: () => {
      if (faults[title] === 'start') return Promise.reject(new Error(`${title} can't start`));
      events.push(`+${title}`);
      return Promise.resolve();
    },
    stop: () => {
      events.push(`-${title}`);
      return faults[title] === 'stop' ? Promise.reject(new Error(`${title} can't stop`)) : Promise.resolve();
    },
  }));
}

test('starts in order, stops in reverse', async () => {
  const events: string[] = [];
  const all = parts(events);
  await startParts(all);
  await stopParts(all);
  expect(events.join(' ')).toBe('+a +b +c -c -b -a');
});

test('when one fails to start, those that run are stopped', async () => {
  const events: string[] = [];
  await expect(startParts(parts(events, { c: 'start' }))).rejects.toThrow("c can't start");
  expect(events.join(' ')).toBe('+a +b -b -a');
});

test('when one fails to stop, the others are stopped all the same', async () => {
  const events: string[] = [];
  await expect(stopParts(parts(events, { b: 'stop' }))).rejects.toThrow("b can't stop");
  expect(events.join(' ')).toBe('-c -b -a');
});
