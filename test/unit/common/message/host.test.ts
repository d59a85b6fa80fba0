import { describe, expect, test } from 'vitest';
import { decodeHost, encodeHost, parseHostPort } from '@cometmq/common/message/host';

describe('host:port', () => {
  test.each([
    ['127.0.0.1:10911', '127.0.0.1', 10_911],
    ['broker.example:1', 'broker.example', 1],
    ['::1:65535', '::1', 65_535],
    ['[fe80::1]:9876', 'fe80::1', 9876],
  ])('%s', (text, address, port) => {
    expect(parseHostPort(text)).toEqual({ address, port });
  });

  test.each([
    '',
    ':',
    'host',
    'host:',
    ':1',
    'host:0',
    'host:65536',
    'host:-1',
    'host:+1',
    'host: 1',
    'host:1e3',
    'host:0x1',
    'host:1.0',
  ])('%j is none', (text) => {
    expect(parseHostPort(text)).toBeUndefined();
  });
});

describe('hosts in records', () => {
  test.each([
    ['127.0.0.1', '7f000001000003e8'],
    ['::1', '00000000000000000000000000000001000003e8'],
    ['2001:db8::ff00:42:8329', '20010db8000000000000ff0000428329000003e8'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001000003e8'],
    ['not an address', '00000000000003e8'],
  ])('%s', (address, hex) => {
    const bytes = encodeHost(address, 1000);
    expect(bytes.toString('hex')).toBe(hex);
    const decoded = decodeHost(bytes, 0, bytes.length === 20);
    expect(encodeHost(decoded.address, decoded.port)).toEqual(bytes);
  });
});
