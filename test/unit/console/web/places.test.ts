import { describe, expect, it } from 'vitest';
import { bestForm, bytesOf, hexDump, prettyJson, textOf } from '../../../../console/web/logic/body.ts';
import {
  formatOpen,
  lastMs,
  looksLikeId,
  parseOpen,
  searchPaths,
} from '../../../../console/web/logic/message-search.ts';
import { formatPlace, parsePlace } from '../../../../console/web/logic/router.ts';

describe('router', () => {
  it('reads what it writes, with names that need escaping', () => {
    const url = formatPlace(['groups', '%RETRY%a/b?c#d', 'rewind'], {
      topic: 'a&b=c',
      empty: '',
      none: undefined,
    });
    expect(parsePlace(url)).toEqual({
      segments: ['groups', '%RETRY%a/b?c#d', 'rewind'],
      query: { topic: 'a&b=c' },
    });
  });

  it('takes broken addresses as they are', () => {
    expect(parsePlace('/topics/%E0%A4%A')).toEqual({ segments: ['topics', '%E0%A4%A'], query: {} });
    expect(parsePlace('')).toEqual({ segments: [], query: {} });
  });
});

describe('message search', () => {
  it('tries the business key first, unless the text can only be an id', () => {
    const paths = (q: string): string[] => searchPaths({ q }, 0).map((path) => path.split('?')[0] ?? '');
    expect(paths('order-1001')).toEqual(['/messages/by-key', '/messages/by-id']);
    expect(paths('7F00000100002A9F0000000000013A3E')).toEqual(['/messages/by-id', '/messages/by-key']);
    expect(paths('订单 1')).toEqual(['/messages/by-key']);
    expect(looksLikeId('1234567890')).toBe(false);
  });

  it('asks nothing while the question is incomplete', () => {
    expect(searchPaths({}, 0)).toEqual([]);
    expect(searchPaths({ mode: 'time' }, 0)).toEqual([]);
    expect(searchPaths({ mode: 'offset', topic: 'a', broker: 'b', queueId: '0' }, 0)).toEqual([]);
  });

  it('turns a relative range into moments', () => {
    expect(lastMs('15m')).toBe(900_000);
    expect(lastMs('7d')).toBe(604_800_000);
    expect(lastMs('soon')).toBeUndefined();
    expect(searchPaths({ mode: 'time', topic: 'a', last: '15m' }, 1_000_000)).toEqual([
      '/messages/by-time?topic=a&from=100000&to=1000000',
    ]);
    expect(searchPaths({ mode: 'time', topic: 'a', from: '5', until: '9' }, 100)).toEqual([
      '/messages/by-time?topic=a&from=5&to=9',
    ]);
  });

  it('keeps an open message in the address', () => {
    const place = { topic: '%DLQ%g', broker: 'broker-a', queueId: 3, queueOffset: 17 };
    expect(parseOpen(formatOpen(place))).toEqual(place);
    expect(parseOpen('a/b/c/d')).toBeUndefined();
    expect(parseOpen(undefined)).toBeUndefined();
  });
});

describe('body', () => {
  const base64 = (bytes: Uint8Array | string): Uint8Array => bytesOf(Buffer.from(bytes).toString('base64'));

  it('chooses the form a reader wants', () => {
    expect(bestForm(base64('{"a":[1]}'))).toBe('json');
    expect(bestForm(base64('plain 文字'))).toBe('text');
    expect(bestForm(base64('42'))).toBe('text');
    expect(bestForm(base64(Uint8Array.of(0, 255)))).toBe('hex');
  });

  it('shows text only when it is some', () => {
    expect(textOf(base64('文字'))).toBe('文字');
    expect(textOf(Uint8Array.of(0xc3))).toBeUndefined();
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(prettyJson('{broken')).toBeUndefined();
  });

  it('dumps bytes in rows of sixteen', () => {
    const [first, second] = hexDump(base64('0123456789abcdefg')).split('\n');
    expect(first).toBe('000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef');
    expect(second?.trimEnd()).toMatch(/^000010 {2}67 +g$/);
  });
});
