/** Separates a name from its value in the stored text. */
export const NAME_VALUE_SEPARATOR = 1;
/** Ends an entry in the stored text. */
export const PROPERTY_SEPARATOR = 2;
/** The stored text's length has 16 signed bits on the wire. */
export const PROPERTIES_SIZE_MAX = 32_767;

const NAME_VALUE = String.fromCharCode(NAME_VALUE_SEPARATOR);
const ENTRY = String.fromCharCode(PROPERTY_SEPARATOR);

/**
 * Reads the stored text `name 0x01 value 0x02 …`. The last separator may be missing; entries without a name or value
 * are ignored, as Java's decoder does. The first of repeated names is overwritten by the later one.
 */
export function decodeProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  let start = 0;
  // Searched for anew only behind the last one found, so that a text of many separators takes no longer.
  for (let separator = text.indexOf(NAME_VALUE); separator >= 0;) {
    const next = text.indexOf(ENTRY, start);
    const end = next < 0 ? text.length : next;
    if (separator > start && separator < end - 1)
      properties.set(text.slice(start, separator), text.slice(separator + 1, end));
    start = end + 1;
    if (separator < start) separator = text.indexOf(NAME_VALUE, start);
  }
  return properties;
}

/** Writes the stored text, each entry ended by its separator. Entries with an empty value are left out. */
export function encodeProperties(properties: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [name, value] of properties) {
    if (name !== '' && value !== '') text += name + NAME_VALUE + value + ENTRY;
  }
  return text;
}

/** True when a name or value can't be stored because it holds one of the two separators. */
export function hasSeparator(text: string): boolean {
  return text.includes(NAME_VALUE) || text.includes(ENTRY);
}
