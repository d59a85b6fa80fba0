// Builds the frames that test/fixtures/bad-input.json describes.
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { FRAME_PREFIX_SIZE } from '@cometmq/remoting/protocol/frame';

/** Text, a repetition, text as a JSON string, or several of these. */
type Text =
  string | { readonly repeat: string; readonly times: number } | { readonly json: Text } | readonly Text[];

interface Member {
  readonly body: Text;
  readonly properties: Text;
  /** Lies about the three lengths; `sizeBy` is added to the right one. */
  readonly size?: number;
  readonly sizeBy?: number;
  readonly bodySize?: number;
  readonly propertiesSize?: number;
}

type Bytes =
  | Text
  | { readonly hex: string }
  | { readonly repeatHex: string; readonly times: number }
  | { readonly zlibZeros: number }
  | { readonly zlibHex: string }
  | { readonly batch: readonly Member[]; readonly times?: number; readonly extra?: string };

/** A name or value of a binary header, with the length it claims. */
type BinaryText = Bytes | { readonly size: number; readonly text: string };

interface BinaryHeader {
  readonly code: number;
  readonly language?: number;
  readonly remark?: Bytes;
  readonly remarkLength?: number;
  readonly fields?: readonly (readonly [BinaryText, BinaryText])[];
  readonly fieldCount?: number;
  readonly fieldsLength?: number;
  readonly fieldsExtra?: string;
}

/** What is sent; the members beside the first ones replace what a correct frame would have. */
interface FrameSpec {
  /** Name of a template, or a header of its own, or raw bytes. */
  readonly request?: string;
  readonly header?: Text | { readonly hex: string };
  readonly binary?: BinaryHeader;
  readonly hex?: string;
  readonly text?: Text;

  readonly set?: Readonly<Record<string, Text>>;
  readonly without?: string;
  readonly noFields?: boolean;
  /** Adds fields up to this number. */
  readonly fieldCount?: number;
  readonly code?: number;
  readonly flag?: number;
  readonly opaque?: number;
  /** null: none. */
  readonly body?: Bytes | null;
  readonly type?: number;
  readonly length?: number;
  readonly lengthBy?: number;
  readonly headerLength?: number;
  readonly cutHeader?: number;
  readonly times?: number;
}

interface Template {
  readonly code: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body?: Bytes;
}

export type Door = 'namesrv' | 'broker';

/**
 * `closed`: the connection is closed without an answer. `open`: nothing happens. `silent`: no answer, and the connection goes on working. A code: that many answers with it, with this opaque;
 * `error` is any code but 0, `any` includes 0.
 */
export type Expectation =
  | 'closed'
  | 'open'
  | 'silent'
  | { readonly code: number | 'error' | 'any'; readonly count?: number; readonly opaque?: number };

export interface BadInput {
  readonly group: string;
  readonly name: string;
  readonly door: Door;
  readonly send: readonly FrameSpec[];
  readonly expect: Expectation;
  /** So many messages may be stored in topic BadInput; 0 if absent. */
  readonly stored?: number;
  /** Sent over this many connections at once, which stay open while memory is measured. */
  readonly connections?: number;
}

interface DataFile {
  readonly requests: Readonly<Record<string, Template>>;
  readonly cases: readonly (Omit<BadInput, 'door'> & { readonly door: Door | 'both' })[];
  readonly numbers: readonly {
    readonly door: Door;
    readonly request: string;
    readonly field: string;
    readonly values: readonly string[];
    readonly expect: Expectation;
    readonly stored?: number;
  }[];
  readonly missingFields: readonly {
    readonly door: Door;
    readonly request: string;
    readonly without: readonly string[];
    readonly expect: Expectation;
  }[];
}

export const OPAQUE = 7;

const DATA = JSON.parse(
  readFileSync(new URL('../fixtures/bad-input.json', import.meta.url), 'utf8'),
) as DataFile;

/** All cases for one door. */
export function badInputs(door: Door): BadInput[] {
  const written = DATA.cases.filter((item) => item.door === door || item.door === 'both');
  const numbers = DATA.numbers.flatMap(({ request, field, values, expect, ...item }) =>
    values.map((value) => ({
      ...item,
      group: 'numbers',
      name: `${request}: ${field} = ${JSON.stringify(value)}`,
      send: [{ request, set: { [field]: value } }],
      expect,
    })),
  );
  const missing = DATA.missingFields.flatMap(({ request, without, expect, ...item }) =>
    without.map((field) => ({
      ...item,
      group: 'missing fields',
      name: `${request} without ${field}`,
      send: [{ request, without: field }],
      expect,
    })),
  );
  return [...written, ...numbers, ...missing]
    .filter((item) => item.door === door || item.door === 'both')
    .map((item) => ({ ...item, door }));
}

/** The bytes of one description. */
export function buildFrame(spec: FrameSpec): Buffer {
  const one = buildOne(spec);
  return spec.times === undefined ? one : Buffer.concat(Array<Buffer>(spec.times).fill(one));
}

function buildOne(spec: FrameSpec): Buffer {
  if (spec.request !== undefined) return requestFrame(spec, DATA.requests[spec.request]);
  if (spec.binary !== undefined)
    return frame(binaryHeader(spec.binary), Buffer.alloc(0), { type: 1, ...spec });
  if (spec.header !== undefined) return frame(bytesOf(spec.header), bytesOf(spec.body ?? ''), spec);
  return spec.hex === undefined ? bytesOf(spec.text ?? '') : Buffer.from(spec.hex, 'hex');
}

function requestFrame(spec: FrameSpec, template: Template | undefined): Buffer {
  if (template === undefined) throw new Error(`no template ${spec.request ?? ''}`);
  const fields = spec.noFields === true ? [] : Object.entries({ ...template.fields, ...spec.set });
  const kept = fields.filter(([name]) => name !== spec.without);
  for (let count = kept.length; count < (spec.fieldCount ?? 0); count++) kept.push([`field${count}`, 'x']);
  const members = kept.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(textOf(value))}`);
  const header =
    `{"code":${spec.code ?? template.code},"extFields":{${members.join(',')}},"flag":${spec.flag ?? 0},` +
    `"language":"JAVA","opaque":${spec.opaque ?? OPAQUE},"serializeTypeCurrentRPC":"JSON","version":493}`;
  const body = spec.body === undefined ? (template.body ?? '') : (spec.body ?? '');
  return frame(Buffer.from(header), bytesOf(body), spec);
}

function frame(header: Buffer, body: Buffer, spec: FrameSpec): Buffer {
  const kept = header.subarray(0, header.length - (spec.cutHeader ?? 0));
  const prefix = Buffer.alloc(FRAME_PREFIX_SIZE);
  prefix.writeInt32BE(spec.length ?? 4 + kept.length + body.length + (spec.lengthBy ?? 0), 0);
  prefix.writeUInt32BE((((spec.type ?? 0) << 24) | (spec.headerLength ?? kept.length)) >>> 0, 4);
  return Buffer.concat([prefix, kept, body]);
}

function binaryHeader(spec: BinaryHeader): Buffer {
  const remark = bytesOf(spec.remark ?? '');
  const entries = [...(spec.fields ?? [])];
  for (let count = entries.length; count < (spec.fieldCount ?? 0); count++)
    entries.push([`field${count}`, 'x']);
  const fields = Buffer.concat([
    ...entries.flatMap(([name, value]) => [sized(name, 2), sized(value, 4)]),
    Buffer.from(spec.fieldsExtra ?? '', 'hex'),
  ]);
  const fixed = Buffer.alloc(13);
  fixed.writeInt16BE(spec.code, 0);
  fixed.writeInt8(spec.language ?? 0, 2);
  fixed.writeInt16BE(493, 3);
  fixed.writeInt32BE(OPAQUE, 5);
  const lengths = [spec.remarkLength ?? remark.length, spec.fieldsLength ?? fields.length].map((length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    return bytes;
  });
  return Buffer.concat([fixed, lengths[0]!, remark, lengths[1]!, fields]);
}

function sized(value: BinaryText, lengthSize: 2 | 4): Buffer {
  const lies = typeof value === 'object' && 'size' in value;
  const bytes = lies ? Buffer.from(value.text) : bytesOf(value);
  const length = Buffer.alloc(lengthSize);
  length.writeIntBE(lies ? value.size : bytes.length, 0, lengthSize);
  return Buffer.concat([length, bytes]);
}

function textOf(text: Text): string {
  if (typeof text === 'string') return text;
  if ('repeat' in text) return text.repeat.repeat(text.times);
  if ('json' in text) return JSON.stringify(textOf(text.json));
  return text.map(textOf).join('');
}

function bytesOf(value: Bytes): Buffer {
  if (typeof value === 'string' || Array.isArray(value) || 'repeat' in value || 'json' in value) {
    return Buffer.from(textOf(value as Text));
  }
  if ('hex' in value) return Buffer.from(value.hex, 'hex');
  if ('repeatHex' in value) return Buffer.from(value.repeatHex.repeat(value.times), 'hex');
  if ('zlibZeros' in value) return deflateSync(Buffer.alloc(value.zlibZeros));
  if ('zlibHex' in value) return deflateSync(Buffer.from(value.zlibHex, 'hex'));
  if (!('batch' in value)) throw new Error('unknown kind of bytes');
  const members = Buffer.concat(value.batch.map(batchMember));
  const repeated = Array<Buffer>(value.times ?? 1).fill(members);
  return Buffer.concat([...repeated, Buffer.from(value.extra ?? '', 'hex')]);
}

function batchMember(member: Member): Buffer {
  const body = bytesOf(member.body);
  const properties = bytesOf(member.properties);
  const size = 22 + body.length + properties.length;
  const bytes = Buffer.alloc(size);
  bytes.writeInt32BE(member.size ?? size + (member.sizeBy ?? 0), 0);
  bytes.writeInt32BE(member.bodySize ?? body.length, 16);
  body.copy(bytes, 20);
  bytes.writeInt16BE(member.propertiesSize ?? properties.length, 20 + body.length);
  properties.copy(bytes, 22 + body.length);
  return bytes;
}
