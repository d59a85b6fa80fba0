/**
 * The stored and delivered message record, big-endian (Java: MessageDecoder). Positions of the fixed part; behind
 * `BORN_HOST` they shift by 12 for each IPv6 host.
 */
export const RecordField = {
  TOTAL_SIZE: 0,
  MAGIC: 4,
  BODY_CRC: 8,
  QUEUE_ID: 12,
  FLAG: 16,
  QUEUE_OFFSET: 20,
  PHYSICAL_OFFSET: 28,
  SYS_FLAG: 36,
  BORN_TIMESTAMP: 40,
  BORN_HOST: 48,
} as const;

/** Topic length has one byte. */
export const RECORD_MAGIC_V1 = 0xdaa320a7 | 0;
/** Topic length has two bytes; used for topics over 127 bytes only, because Go, C++ and ali-ons can't read it. */
export const RECORD_MAGIC_V2 = 0xdaa320ab | 0;

/** A record with IPv4 hosts, no body, no topic, no properties. */
export const RECORD_SIZE_MIN = 91;
/** Extra bytes of an IPv6 host. */
export const HOST_V6_EXTRA = 12;
/** The longest topic of a version 1 record. */
export const TOPIC_LENGTH_V1_MAX = 127;
