const HEX = Buffer.from('0123456789ABCDEF');

/** Writes a whole number with leading zeros. */
export function putDigits(target: Buffer, at: number, value: number, digits: number): void {
  let rest = value;
  for (let index = at + digits - 1; index >= at; index--) {
    const quotient = Math.floor(rest / 10);
    target[index] = 0x30 + rest - quotient * 10;
    rest = quotient;
  }
}

/** Writes a whole number below 2^53 in upper-case hexadecimal with leading zeros. */
export function putHex(target: Buffer, at: number, value: number, digits: number): void {
  let low = value % 2 ** 32;
  for (let count = 0; count < digits; count++) {
    if (count === 8) low = Math.floor(value / 2 ** 32);
    target[at + digits - 1 - count] = HEX[low & 15] ?? 0;
    low >>>= 4;
  }
}
