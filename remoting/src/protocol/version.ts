/**
 * The protocol version in every header we send: V5_4_0, the release whose conversations our fixtures hold. Java clients
 * refuse SQL92 pulls against a broker that names none.
 */
export const PROTOCOL_VERSION = 493;
export const PROTOCOL_VERSION_NAME = 'V5_4_0';

/** Versions that change what is sent to a client (Java: MQVersion). */
export const ClientVersion = {
  /** Understands offset resets and status questions from the broker. */
  V3_0_7: 28,
  /** Brokers from here on register with a `RegisterBrokerBody`. */
  V3_0_11: 37,
  /** Answers running-info and consume-directly calls. */
  V3_1_8: 62,
  /** `maxReconsumeTimes` of its headers is meant. */
  V3_4_9: 121,
  /** Compressed registrations carry topic queue mappings. */
  V5_0_0: 413,
} as const;

/** Readable name of a version number where it is one of the landmarks that tools print. */
export function versionName(version: number): string {
  const name = Object.entries(NAMED).find(([, number]) => number === version)?.[0];
  return name ?? `V${version}`;
}

const NAMED: Readonly<Record<string, number>> = {
  V3_4_9: 121,
  V4_5_2: 317,
  V4_6_0: 333,
  V4_9_7: 407,
  V4_9_8: 409,
  V5_3_3: 479,
  V5_4_0: 493,
};
