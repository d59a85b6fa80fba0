import { decodeProperties } from '@cometmq/common/message/properties';
import { HOST_V6_EXTRA, RECORD_MAGIC_V1, RecordField } from '@cometmq/common/message/record-layout';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { getInt32 } from './bytes.ts';
import type { LogReader } from './log/log-reader.ts';

/** Most records are whole in the first read; of larger ones the body is left out. */
const FIRST_READ_BYTES = 8 * 1024;
/** A record up to its body, with IPv6 hosts. */
const HEAD_BYTES = 112;

const SCRATCH = Buffer.allocUnsafeSlow(FIRST_READ_BYTES);

/** Reads the properties of records for filters, and nothing else of them. */
export class RecordProperties {
  readonly #reader: LogReader;
  /** Waiting pulls look at the same new record one after the other. */
  #lastOffset = -1;
  #last: ReadonlyMap<string, string> | undefined;
  #lastBytes = 0;

  constructor(reader: LogReader) {
    this.#reader = reader;
  }

  /** How much the last `read` had to read. */
  get lastBytes(): number {
    return this.#lastBytes;
  }

  /** Undefined when the record is gone or damaged. */
  read(physicalOffset: number, size: number): ReadonlyMap<string, string> | undefined {
    if (physicalOffset === this.#lastOffset) return this.#last;
    this.#last = this.#decode(physicalOffset, size);
    this.#lastOffset = this.#last === undefined ? -1 : physicalOffset;
    return this.#last;
  }

  #decode(physicalOffset: number, size: number): ReadonlyMap<string, string> | undefined {
    const first = (this.#lastBytes = Math.min(size, FIRST_READ_BYTES));
    if (first < HEAD_BYTES - 2 * HOST_V6_EXTRA) return undefined;
    if (!this.#reader.copySync(physicalOffset, first, SCRATCH, 0)) return undefined;
    const at = behindBody(SCRATCH);
    if (at < 0 || at >= size) return undefined;
    const isVersion1 = getInt32(SCRATCH, RecordField.MAGIC) === RECORD_MAGIC_V1;
    if (size <= first) return decodeTail(SCRATCH, at, size, isVersion1);
    const tail = Buffer.allocUnsafe(size - at);
    this.#lastBytes += tail.length;
    if (!this.#reader.copySync(physicalOffset + at, tail.length, tail, 0)) return undefined;
    return decodeTail(tail, 0, tail.length, isVersion1);
  }
}

/** Where a record's topic begins; see `layoutRecord`, which needs the whole record. */
function behindBody(head: Buffer): number {
  const sysFlag = getInt32(head, RecordField.SYS_FLAG);
  const bornExtra = (sysFlag & SysFlag.BORN_HOST_V6) === 0 ? 0 : HOST_V6_EXTRA;
  const storeExtra = (sysFlag & SysFlag.STORE_HOST_V6) === 0 ? 0 : HOST_V6_EXTRA;
  const bodyAt = RecordField.BORN_HOST + 8 + bornExtra + 8 + 8 + storeExtra + 4 + 8 + 4;
  const bodySize = getInt32(head, bodyAt - 4);
  return bodySize < 0 ? -1 : bodyAt + bodySize;
}

function decodeTail(
  bytes: Buffer,
  start: number,
  end: number,
  isVersion1: boolean,
): Map<string, string> | undefined {
  const topicAt = start + (isVersion1 ? 1 : 2);
  if (topicAt > end) return undefined;
  const topicSize = isVersion1 ? bytes.readUInt8(start) : bytes.readUInt16BE(start);
  const propertiesAt = topicAt + topicSize + 2;
  if (propertiesAt > end) return undefined;
  const propertiesEnd = propertiesAt + bytes.readUInt16BE(propertiesAt - 2);
  if (propertiesEnd > end) return undefined;
  return decodeProperties(bytes.toString('utf8', propertiesAt, propertiesEnd));
}
