import { networkInterfaces } from 'node:os';

/** This machine's first IPv4 address that others may see; loopback when there is none. */
export function localAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return address;
    }
  }
  return '127.0.0.1';
}
