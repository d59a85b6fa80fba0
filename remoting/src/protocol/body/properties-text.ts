/**
 * Reads Java-properties text as brokers and name servers print their settings: `key=value` lines, `#` and `!` comments.
 * The first `=` or `:` separates.
 */
export function readPropertiesText(text: string): Record<string, string> {
  const values = Object.create(null) as Record<string, string>;
  for (const line of text.split(/\r?\n/)) {
    const entry = line.trimStart();
    const separator = entry.search(/[=:]/);
    if (separator > 0 && !/^[#!]/.test(entry)) {
      values[entry.slice(0, separator).trim()] = entry.slice(separator + 1).trim();
    }
  }
  return values;
}

/** Writes properties text; line breaks in a value are escaped, so that one key can't smuggle in another. */
export function writePropertiesText(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(
      ([key, value]) =>
        `${key}=${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}\n`,
    )
    .join('');
}
