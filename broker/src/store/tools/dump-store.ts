import { crc32 } from 'node:zlib';
import type { Disk } from '@cometmq/common/disk/disk';
import type { StoredMessage } from '@cometmq/common/message/message';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import type { DamageListener } from '../log/frame-check.ts';
import { FrameCheck } from '../log/frame-check.ts';
import { LogWalker } from '../log/log-walker.ts';
import { ReadOnlySegments } from './store-files.ts';

export interface DumpOptions {
  /** Log position to begin at; the next record behind it is the first. */
  readonly from?: number;
  readonly topic?: string;
}

/** A record as it lies in the log. */
export interface DumpedRecord {
  readonly file: string;
  /** Byte in the file. */
  readonly offset: number;
  readonly physicalOffset: number;
  readonly size: number;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** ms. */
  readonly storeTimestamp: number;
  readonly bodySize: number;
  readonly isBodyIntact: boolean;
  /** False when a byte of the frame around it is damaged: anything of the record may be wrong, and consumers don't get it. */
  readonly isFrameIntact: boolean;
  readonly properties: ReadonlyMap<string, string>;
}

const TOLD_BY_VERIFY: DamageListener = {
  covers: () => false,
  range: () => undefined,
  unreadable: () => undefined,
};

/** All records of a stopped broker's log, in order. Only reads. */
export async function* dumpStore(
  disk: Disk,
  directory: string,
  options: DumpOptions = {},
): AsyncGenerator<DumpedRecord> {
  const segments = new ReadOnlySegments(disk, directory);
  const check = new FrameCheck(segments.segmentSize, TOLD_BY_VERIFY);
  try {
    const from = Math.max(options.from ?? 0, segments.start);
    for await (const { physicalOffset, bytes } of new LogWalker(segments).records(from, Infinity)) {
      const message = tryDecode(bytes);
      // Damaged: `verifyStore` names it.
      if (message === undefined) continue;
      if (options.topic !== undefined && message.topic !== options.topic) continue;
      const segment = segments.find(physicalOffset);
      const [place] = segments.locate(physicalOffset, physicalOffset + bytes.length);
      yield {
        file: place?.file ?? '',
        offset: place?.offset ?? 0,
        physicalOffset,
        size: bytes.length,
        topic: message.topic,
        queueId: message.queueId,
        queueOffset: message.queueOffset,
        storeTimestamp: message.storeTimestamp,
        bodySize: message.body.length,
        isFrameIntact: segment !== undefined && check.isIntact(segment, physicalOffset),
        isBodyIntact: (crc32(message.body) & 0x7fffffff) === message.bodyCrc,
        properties: message.properties,
      };
    }
  } finally {
    await segments.close();
  }
}

function tryDecode(bytes: Buffer): StoredMessage | undefined {
  try {
    return decodeMessage(bytes, 0, bytes.length);
  } catch {
    return undefined;
  }
}
