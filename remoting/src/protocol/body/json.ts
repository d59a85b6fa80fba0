/** A body as every client reads it: compact JSON without null members. */
export function jsonBody(value: unknown): Buffer {
  return Buffer.from(
    JSON.stringify(value, (_name, member: unknown) => (member === null ? undefined : member)),
  );
}
