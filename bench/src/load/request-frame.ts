/** A request with a JSON header as the Java client 5.4.0 writes it. */
export function requestFrame(
  code: number,
  opaque: number,
  extFields: Readonly<Record<string, string>>,
  body = '',
): Buffer {
  const header = {
    code,
    extFields,
    flag: 0,
    language: 'JAVA',
    opaque,
    serializeTypeCurrentRPC: 'JSON',
    version: 493,
  };
  const text = JSON.stringify(header);
  const bytes = Buffer.allocUnsafe(8 + text.length + body.length);
  bytes.writeInt32BE(4 + text.length + body.length, 0);
  bytes.writeInt32BE(text.length, 4);
  bytes.write(text, 8, 'latin1');
  bytes.write(body, 8 + text.length, 'latin1');
  return bytes;
}
