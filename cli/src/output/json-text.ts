/** JSON of a result: maps as objects, bodies as text when they are UTF-8, else as base64. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(plain(value ?? null), undefined, indent);
}

function plain(value: unknown): unknown {
  if (value instanceof Map) return plain(Object.fromEntries(value as Map<string, unknown>));
  if (value instanceof Uint8Array)
    return bodyText(value) ?? { base64: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

/** The text of a body; undefined when it is not UTF-8. */
export function bodyText(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
