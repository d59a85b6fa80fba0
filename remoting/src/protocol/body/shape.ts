/**
 * Readers for members of parsed bodies. Clients leave members out, send null for empty collections and numbers as
 * strings; each reader turns all of these into the type that is meant.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : EMPTY;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

export function asString(value: unknown, fallback = ''): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : fallback;
}

/** A safe integer; anything else gives the fallback. */
export function asInteger(value: unknown, fallback = 0): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return fallback;
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(number)));
}

export function asBoolean(value: unknown, fallback = false): boolean {
  if (typeof value === 'boolean') return value;
  return typeof value === 'string' ? value.toLowerCase() === 'true' : fallback;
}

export function asStringRecord(value: unknown): Record<string, string> {
  const record = Object.create(null) as Record<string, string>;
  for (const [name, member] of Object.entries(asObject(value))) record[name] = asString(member);
  return record;
}

const EMPTY: JsonObject = Object.freeze({});
