// Recorded conversations between real RocketMQ clients and servers; test/fixtures/golden/README.md tells their format.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ExtFields, RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';

const FOLDER = fileURLToPath(new URL('../fixtures/golden/', import.meta.url));

/** A recorded header; ali-ons has numbers and booleans in `extFields`. */
export interface GoldenHeader {
  readonly code: number;
  readonly language: string;
  readonly version: number;
  readonly opaque: number;
  readonly flag: number;
  readonly remark?: string;
  readonly extFields?: Readonly<Record<string, string | number | boolean>>;
  readonly serializeTypeCurrentRPC?: string;
}

export interface GoldenFrame {
  /** `folder/scenario:line`, for messages of failed assertions. */
  readonly where: string;
  readonly folder: string;
  /** Number of the TCP connection within the conversation. */
  readonly conn: number;
  readonly peer: 'namesrv' | 'broker';
  readonly dir: 'c2s' | 's2c';
  readonly code: number;
  readonly codeName: string;
  readonly opaque: number;
  readonly response: boolean;
  readonly oneway: boolean;
  /** Responses: name of the request which they answer. */
  readonly request?: string;
  readonly serialize: 'JSON' | 'ROCKETMQ';
  readonly header: GoldenHeader;
  readonly bodyLength: number;
  readonly bytes: Buffer;
}

export interface GoldenConversation {
  /** `folder/scenario`. */
  readonly name: string;
  readonly folder: string;
  readonly frames: readonly GoldenFrame[];
}

type RecordedLine = Omit<GoldenFrame, 'where' | 'folder' | 'bytes'> & { readonly frame: string };

function parseLines(path: string): unknown[] {
  return readFileSync(FOLDER + path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

function readConversation(folder: string, file: string): GoldenConversation {
  const name = `${folder}/${file.replace(/\.jsonl$/, '')}`;
  const frames = parseLines(`${folder}/${file}`).map((line, index) => {
    const { frame, ...recorded } = line as RecordedLine;
    return { ...recorded, where: `${name}:${index + 1}`, folder, bytes: Buffer.from(frame, 'base64') };
  });
  return { name, folder, frames };
}

/** All conversations, by folder and scenario. */
export function readConversations(): GoldenConversation[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'store')
    .map((entry) => entry.name)
    .sort()
    .flatMap((folder) =>
      readdirSync(FOLDER + folder)
        .sort()
        .map((file) => readConversation(folder, file)),
    );
}

export function readFrames(): GoldenFrame[] {
  return readConversations().flatMap(({ frames }) => frames);
}

/** The body of a recorded frame, undefined without one. */
export function bodyOf(frame: GoldenFrame): Buffer | undefined {
  return frame.bodyLength === 0 ? undefined : frame.bytes.subarray(frame.bytes.length - frame.bodyLength);
}

/** What our decoder must make of a recorded frame, told from its recorded header. */
export function expectedCommand({ header, serialize, ...frame }: GoldenFrame): RemotingCommand {
  const fields =
    header.extFields && Object.entries(header.extFields).map(([name, value]) => [name, String(value)]);
  return {
    code: header.code,
    language: header.language as RemotingCommand['language'],
    version: header.version,
    opaque: header.opaque,
    response: (header.flag & 1) !== 0,
    oneway: (header.flag & 2) !== 0,
    remark: header.remark,
    extFields:
      fields && (Object.assign(Object.create(null) as object, Object.fromEntries(fields)) as ExtFields),
    body: bodyOf({ header, serialize, ...frame }),
    serialize,
  };
}

export interface Exchange {
  readonly conversation: string;
  readonly request: GoldenFrame;
  /** Absent: one-way, or the client went away before it was answered. */
  readonly response: GoldenFrame | undefined;
}

/** Every recorded request with its answer, in order of the requests. */
export function exchangesOf({ name, frames }: GoldenConversation): Exchange[] {
  return frames
    .map((request, index) => ({ request, index }))
    .filter(({ request }) => !request.response)
    .map(({ request, index }) => {
      const response = frames
        .slice(index + 1)
        .find(
          (f) =>
            f.response && f.conn === request.conn && f.dir !== request.dir && f.opaque === request.opaque,
        );
      return { conversation: name, request, response };
    });
}

/** One record of the recorded store. */
export interface GoldenRecord {
  readonly file: string;
  readonly offset: number;
  readonly kind: string;
  readonly totalSize: number;
  readonly bodyCRC: number;
  readonly queueId: number;
  readonly flag: number;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly bornHost: string;
  readonly storeTimestamp: number;
  readonly storeHost: string;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  readonly topic: string;
  readonly propertiesText: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Base64, as `record`. */
  readonly body: string;
  readonly record: string;
}

export function readRecords(): GoldenRecord[] {
  return parseLines('store/messages.jsonl') as GoldenRecord[];
}

export function readStoreFile(path: string): Buffer {
  return readFileSync(`${FOLDER}store/${path}`);
}

export function readStoreLines(path: string): unknown[] {
  return parseLines(`store/${path}`);
}
