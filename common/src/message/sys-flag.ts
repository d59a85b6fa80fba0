/** Bits of a message's `sysFlag` (Java: MessageSysFlag). */
export const SysFlag = {
  COMPRESSED: 0x1,
  MULTI_TAGS: 0x2,
  TRANSACTION_PREPARED: 0x4,
  TRANSACTION_COMMIT: 0x8,
  TRANSACTION_ROLLBACK: 0xc,
  /** Mask of the two transaction bits. */
  TRANSACTION_MASK: 0xc,
  BORN_HOST_V6: 0x10,
  STORE_HOST_V6: 0x20,
  NEED_UNWRAP: 0x40,
  INNER_BATCH: 0x80,
  COMPRESSION_LZ4: 0x100,
  COMPRESSION_ZSTD: 0x200,
  COMPRESSION_ZLIB: 0x300,
  COMPRESSION_MASK: 0x700,
} as const;

/** Permission bits of topics and brokers (Java: PermName). */
export const Perm = { INHERIT: 1, WRITE: 2, READ: 4, READ_WRITE: 6, ALL: 7 } as const;
