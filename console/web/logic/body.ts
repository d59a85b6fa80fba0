export type BodyForm = 'json' | 'text' | 'hex';

const HEX_BYTES_MAX = 16 * 1024;

export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The text of UTF-8 bytes; undefined when they are something else. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /[\0-\x08\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Indented JSON; undefined when the text is none. Numbers keep their digits only as far as JSON.parse does. */
export function prettyJson(text: string): string | undefined {
  const start = text.trimStart()[0];
  if (start !== '{' && start !== '[') return undefined;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return undefined;
  }
}

/** Lines of offset, sixteen bytes and their characters. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  const shown = bytes.subarray(0, HEX_BYTES_MAX);
  for (let offset = 0; offset < shown.length; offset += 16) {
    const row = [...shown.subarray(offset, offset + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const characters = row
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·'))
      .join('');
    lines.push(`${offset.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${characters}`);
  }
  if (shown.length < bytes.length) lines.push(`… ${bytes.length - shown.length} more bytes`);
  return lines.join('\n');
}

/** The form a reader most likely wants. */
export function bestForm(bytes: Uint8Array): BodyForm {
  const text = textOf(bytes);
  if (text === undefined) return 'hex';
  return prettyJson(text) === undefined ? 'text' : 'json';
}
