import { MqError } from '@cometmq/common/error/mq-error';
import type { SerializeType } from './remoting-command.ts';

/** Largest value of a frame's length field (Java: com.rocketmq.remoting.frameMaxLength). */
export const FRAME_SIZE_MAX = 16 * 1024 * 1024;
/** Length field, serialize type and header length. */
export const FRAME_PREFIX_SIZE = 8;
/** A header may not be larger; real ones stay below 40 KiB (32 KiB of properties, escaped). */
export const HEADER_SIZE_MAX = 256 * 1024;

const SERIALIZE_JSON = 0;
const SERIALIZE_ROCKETMQ = 1;

/** @throws MqError `PROTOCOL` for a serialize type that does not exist. */
export function serializeTypeOf(value: number): SerializeType {
  if (value === SERIALIZE_JSON) return 'JSON';
  if (value === SERIALIZE_ROCKETMQ) return 'ROCKETMQ';
  throw new MqError('PROTOCOL', `unknown header serialization ${value}`);
}

export function serializeTypeNumber(type: SerializeType): number {
  return type === 'JSON' ? SERIALIZE_JSON : SERIALIZE_ROCKETMQ;
}

/** Writes the first eight bytes of a frame. */
export function writeFramePrefix(
  target: Buffer,
  position: number,
  type: SerializeType,
  headerSize: number,
  bodySize: number,
): void {
  target.writeUInt32BE(4 + headerSize + bodySize, position);
  target.writeUInt32BE(((serializeTypeNumber(type) << 24) | headerSize) >>> 0, position + 4);
}
