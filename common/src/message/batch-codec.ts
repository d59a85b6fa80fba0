import { MqError } from '../error/mq-error.ts';

/** One message inside a batch send. */
export interface BatchMember {
  readonly flag: number;
  readonly body: Buffer;
  /** Stored property text, UTF-8. */
  readonly properties: Buffer;
}

/** Bytes of a member besides body and properties: size, magic, crc, flag, two lengths. */
export const BATCH_MEMBER_OVERHEAD = 4 + 4 + 4 + 4 + 4 + 2;

/** Writes the body of a batch send (Java: MessageDecoder.encodeMessages). Magic and checksum stay 0. */
export function encodeBatch(members: readonly BatchMember[]): Buffer {
  const size = members.reduce(
    (sum, m) => sum + BATCH_MEMBER_OVERHEAD + m.body.length + m.properties.length,
    0,
  );
  const bytes = Buffer.alloc(size);
  let position = 0;
  for (const { flag, body, properties } of members) {
    const memberSize = BATCH_MEMBER_OVERHEAD + body.length + properties.length;
    bytes.writeInt32BE(memberSize, position);
    bytes.writeInt32BE(flag, position + 12);
    bytes.writeInt32BE(body.length, position + 16);
    body.copy(bytes, position + 20);
    bytes.writeInt16BE(properties.length, position + 20 + body.length);
    properties.copy(bytes, position + 22 + body.length);
    position += memberSize;
  }
  return bytes;
}

/**
 * Reads the body of a batch send; bodies and properties are views of `bytes`.
 * @throws MqError `MESSAGE_ILLEGAL` when lengths lie or there are more than `countMax` members.
 */
export function decodeBatch(bytes: Buffer, countMax: number): BatchMember[] {
  const members: BatchMember[] = [];
  for (let position = 0; position < bytes.length;) {
    const rest = bytes.length - position;
    if (rest < BATCH_MEMBER_OVERHEAD) throw illegal(position, `${rest} bytes are left over`);
    if (members.length === countMax) throw illegal(position, `more than ${countMax} messages`);
    const memberSize = bytes.readInt32BE(position);
    const bodySize = bytes.readInt32BE(position + 16);
    const bodyAt = position + 20;
    if (memberSize < BATCH_MEMBER_OVERHEAD || memberSize > rest)
      throw illegal(position, `size ${memberSize}`);
    if (bodySize < 0 || bodySize > memberSize - BATCH_MEMBER_OVERHEAD)
      throw illegal(position, `body ${bodySize}`);
    const propertiesSize = bytes.readInt16BE(bodyAt + bodySize);
    const propertiesAt = bodyAt + bodySize + 2;
    if (propertiesAt + propertiesSize !== position + memberSize || propertiesSize < 0) {
      throw illegal(position, `properties ${propertiesSize}`);
    }
    members.push({
      flag: bytes.readInt32BE(position + 12),
      body: bytes.subarray(bodyAt, bodyAt + bodySize),
      properties: bytes.subarray(propertiesAt, propertiesAt + propertiesSize),
    });
    position += memberSize;
  }
  return members;
}

function illegal(position: number, why: string): MqError {
  return new MqError('MESSAGE_ILLEGAL', `batch member at byte ${position} is malformed: ${why}`);
}
