/** What matters of a response's header. */
export interface Answer {
  readonly code: number;
  readonly opaque: number;
  readonly remark: string;
  readonly extFields: Readonly<Record<string, string>>;
}

const SUCCESS_START = Buffer.from('{"code":0,');
const OPAQUE = Buffer.from('"opaque":');
const NO_FIELDS = {};

/**
 * Reads the response in the frame [start, end). A JSON success is only scanned for its opaque, everything else is
 * parsed whole; `wholly` parses successes too. Undefined: the frame is a request of the broker's own.
 */
export function readAnswer(bytes: Buffer, start: number, end: number, wholly = false): Answer | undefined {
  const word = bytes.readInt32BE(start + 4);
  const headerAt = start + 8;
  const headerEnd = headerAt + (word & 0xffffff);
  if (headerEnd > end) throw new Error('the header is longer than its frame');
  if (word >>> 24 !== 0) return readBinary(bytes, headerAt, headerEnd);
  if (!wholly && isSuccess(bytes, headerAt)) {
    const opaque = readOpaque(bytes, headerAt, headerEnd);
    if (opaque !== undefined) return { code: 0, opaque, remark: '', extFields: NO_FIELDS };
  }
  return readJson(bytes.toString('utf8', headerAt, headerEnd));
}

function isSuccess(bytes: Buffer, headerAt: number): boolean {
  for (let index = 0; index < SUCCESS_START.length; index++) {
    if (bytes[headerAt + index] !== SUCCESS_START[index]) return false;
  }
  return true;
}

/** Only a response can be a success that starts so: a request's code is never 0. */
function readOpaque(bytes: Buffer, headerAt: number, headerEnd: number): number | undefined {
  const at = bytes.indexOf(OPAQUE, headerAt);
  if (at < 0 || at >= headerEnd) return undefined;
  let opaque = 0;
  for (let index = at + OPAQUE.length; ; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return opaque;
    opaque = opaque * 10 + digit;
  }
}

function readJson(text: string): Answer | undefined {
  const header = JSON.parse(text) as Partial<Answer> & { flag?: number };
  if (((header.flag ?? 0) & 1) === 0) return undefined;
  return {
    code: header.code ?? Number.NaN,
    opaque: header.opaque ?? Number.NaN,
    remark: header.remark ?? '',
    extFields: header.extFields ?? NO_FIELDS,
  };
}

function readBinary(bytes: Buffer, headerAt: number, headerEnd: number): Answer | undefined {
  if (headerEnd - headerAt < 21) throw new Error('the binary header is too short');
  if ((bytes.readInt32BE(headerAt + 9) & 1) === 0) return undefined;
  const remarkSize = bytes.readInt32BE(headerAt + 13);
  return {
    code: bytes.readInt16BE(headerAt),
    opaque: bytes.readInt32BE(headerAt + 5),
    remark: bytes.toString('utf8', headerAt + 17, headerAt + 17 + remarkSize),
    extFields: NO_FIELDS,
  };
}
