import { isIPv4, isIPv6 } from 'node:net';

/** Bytes of an address and port as message records hold them: 8 for IPv4, 20 for IPv6. */
export function encodeHost(address: string, port: number): Buffer {
  const bytes = isIPv6(address) ? ipv6Bytes(address) : ipv4Bytes(address);
  const host = Buffer.alloc(bytes.length + 4);
  host.set(bytes, 0);
  host.writeInt32BE(port, bytes.length);
  return host;
}

/** The address and port at `position`; the address in text form. */
export function decodeHost(
  record: Buffer,
  position: number,
  isV6: boolean,
): { address: string; port: number } {
  const addressSize = isV6 ? 16 : 4;
  const bytes = record.subarray(position, position + addressSize);
  return {
    address: isV6 ? ipv6Text(bytes) : bytes.join('.'),
    port: record.readInt32BE(position + addressSize),
  };
}

/** True for an IPv4 or IPv6 address in text form, false for a name. */
export function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** Splits `host:port` at the last colon, as Java does (so IPv6 needs no brackets). */
export function parseHostPort(text: string): { address: string; port: number } | undefined {
  const colon = text.lastIndexOf(':');
  const digits = text.slice(colon + 1);
  const port = Number(digits);
  if (colon <= 0 || !/^\d{1,5}$/.test(digits) || port < 1 || port > 65_535) return undefined;
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}

function ipv4Bytes(address: string): Uint8Array {
  return isIPv4(address) ? Uint8Array.from(address.split('.'), Number) : new Uint8Array(4);
}

function ipv6Bytes(address: string): Uint8Array {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  const bytes = new Uint8Array(16);
  [...left, ...middle, ...right].forEach((group, index) => {
    const value = Number.parseInt(group, 16);
    bytes[index * 2] = value >> 8;
    bytes[index * 2 + 1] = value & 0xff;
  });
  return bytes;
}

function ipv6Text(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push((((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)).toString(16));
  }
  return groups.join(':');
}
