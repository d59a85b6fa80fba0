/** What the unique keys of one job begin with: address, process, time. */
export function keyPrefix(): string {
  return `7F000001${hex(process.pid, 4)}${hex(Date.now() % 2 ** 32, 8)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0').slice(-digits);
}
