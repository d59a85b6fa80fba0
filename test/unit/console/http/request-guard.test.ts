import { describe, expect, it } from 'vitest';
import { type GuardedRequest, RequestGuard } from '@cometmq/console/http/request-guard';

const guard = new RequestGuard(['console.example.org']);
const base: GuardedRequest = {
  method: 'GET',
  host: '127.0.0.1:8082',
  origin: undefined,
  fetchSite: undefined,
  fetchMode: undefined,
  contentType: undefined,
};
const post: GuardedRequest = { ...base, method: 'POST', contentType: 'application/json' };

function code(request: GuardedRequest): string {
  try {
    guard.check(request);
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('RequestGuard', () => {
  it.each([
    '127.0.0.1:8082',
    'localhost:8082',
    'LOCALHOST',
    '[::1]:8082',
    '10.1.2.3',
    'console.example.org:443',
  ])('answers to %s', (host) => {
    expect(code({ ...base, host })).toBe('ok');
  });

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:8082',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'a@127.0.0.1',
    '127.0.0.1/x',
  ])('does not answer to %s: a foreign name may point here', (host) => {
    expect(code({ ...base, host })).toBe('HOST_NOT_ALLOWED');
  });

  it.each([
    'http://evil.example',
    'https://127.0.0.1:9999',
    'null',
    'http://127.0.0.1:8082.evil.example',
    'file://127.0.0.1:8082',
  ])('refuses the origin %s', (origin) => {
    expect(code({ ...post, origin })).toBe('FOREIGN_ORIGIN');
    expect(code({ ...base, origin })).toBe('FOREIGN_ORIGIN');
  });

  it('takes its own origin, and tools that send none', () => {
    expect(code({ ...post, origin: 'http://127.0.0.1:8082', fetchSite: 'same-origin' })).toBe('ok');
    expect(code(post)).toBe('ok');
  });

  it('refuses what the browser calls cross-site, links into pages excepted', () => {
    expect(code({ ...base, fetchSite: 'cross-site' })).toBe('FOREIGN_ORIGIN');
    expect(code({ ...post, fetchSite: 'same-site' })).toBe('FOREIGN_ORIGIN');
    expect(code({ ...post, fetchSite: 'cross-site', fetchMode: 'navigate' })).toBe('FOREIGN_ORIGIN');
    expect(code({ ...base, fetchSite: 'cross-site', fetchMode: 'navigate' })).toBe('ok');
    expect(code({ ...base, fetchSite: 'none' })).toBe('ok');
  });

  it.each([
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonx',
  ])('refuses a change with content type %s: a form could send it', (contentType) => {
    expect(code({ ...post, contentType })).toBe('JSON_ONLY');
  });

  it('takes JSON with a charset', () => {
    expect(code({ ...post, contentType: 'application/json; charset=utf-8' })).toBe('ok');
  });
});
