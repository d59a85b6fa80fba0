import type { RecordLayout } from '@cometmq/common/message/message-decoder';
import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { decodeProperties, encodeProperties } from '@cometmq/common/message/properties';
import { RecordField } from '@cometmq/common/message/record-layout';
import type { AppendRequest } from './append-request.ts';
import { getInt32, getInt64 } from './bytes.ts';
import { PropertyScan } from './property-scan.ts';
import type { StoreQueue } from './queue/store-queue.ts';

/** A record read back from the log, to be looked at or stored again elsewhere. */
export class StoredRecord {
  readonly bytes: Buffer;
  readonly layout: RecordLayout;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.layout = layoutRecord(bytes, 0, bytes.length);
  }

  get topic(): string {
    return this.bytes.toString('utf8', this.layout.topicAt, this.layout.topicAt + this.layout.topicSize);
  }

  get queueId(): number {
    return getInt32(this.bytes, RecordField.QUEUE_ID);
  }

  get queueOffset(): number {
    return getInt64(this.bytes, RecordField.QUEUE_OFFSET);
  }

  /** Where it lies in the log. */
  get physicalOffset(): number {
    return getInt64(this.bytes, RecordField.PHYSICAL_OFFSET);
  }

  get storeTimestamp(): number {
    return getInt64(this.bytes, this.layout.storeTimestampAt);
  }

  get reconsumeTimes(): number {
    return getInt32(this.bytes, this.layout.reconsumeTimesAt);
  }

  get storeHost(): Buffer {
    return this.bytes.subarray(this.layout.storeHostAt, this.layout.reconsumeTimesAt);
  }

  get propertiesText(): string {
    const { propertiesAt, propertiesSize } = this.layout;
    return this.bytes.toString('utf8', propertiesAt, propertiesAt + propertiesSize);
  }

  properties(): Map<string, string> {
    return decodeProperties(this.propertiesText);
  }

  /** A request that stores the same message in another queue, with other properties if given. */
  toAppend(topic: Uint8Array, queue: StoreQueue, properties?: ReadonlyMap<string, string>): AppendRequest {
    const { bytes, layout } = this;
    const text = properties === undefined ? undefined : Buffer.from(encodeProperties(properties));
    const propertyBytes = text ?? bytes;
    const propertiesStart = text === undefined ? layout.propertiesAt : 0;
    const propertiesEnd = propertiesStart + (text === undefined ? layout.propertiesSize : text.length);
    const propertyScan = new PropertyScan();
    propertyScan.scan(propertyBytes, propertiesStart, propertiesEnd);
    return {
      queue,
      topic,
      flag: getInt32(bytes, RecordField.FLAG),
      sysFlag: layout.sysFlag,
      bornTimestamp: getInt64(bytes, RecordField.BORN_TIMESTAMP),
      bornHost: bytes.subarray(RecordField.BORN_HOST, layout.storeTimestampAt),
      reconsumeTimes: this.reconsumeTimes,
      preparedTransactionOffset: getInt64(bytes, layout.reconsumeTimesAt + 4),
      body: bytes,
      bodyStart: layout.bodyAt,
      bodyEnd: layout.bodyAt + layout.bodySize,
      properties: propertyBytes,
      propertiesStart,
      propertiesEnd,
      propertyScan,
      tagsCode: undefined,
    };
  }
}
