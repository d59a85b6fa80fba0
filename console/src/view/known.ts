/** `T` with its optional members also allowed to be undefined. */
export type MaybeKnown<T> = {
  [K in keyof T]: T extends Record<K, T[K]> ? T[K] : T[K] | undefined;
};

/** Leaves out what is undefined: in the API a missing member means unknown. */
export function known<T extends object>(value: MaybeKnown<T>): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

/** The sum, or undefined when a part is unknown or there is none: half a sum would look like the whole. */
export function sumKnown(parts: readonly (number | undefined)[]): number | undefined {
  let sum = 0;
  for (const part of parts) {
    if (part === undefined) return undefined;
    sum += part;
  }
  return parts.length === 0 ? undefined : sum;
}

/** Reads a number out of a broker's text table; undefined when it is not there or not a number. */
export function numberIn(table: Readonly<Record<string, string>>, key: string): number | undefined {
  const text = table[key]?.trim();
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
