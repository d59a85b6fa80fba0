/** Numbers of releases from 4.5.0 on are regular: two for each patch, ten patches, ten minors (Java: MQVersion). */
const V4_0_0_SNAPSHOT = 212;
const REGULAR_FROM = 312;

/** The release behind the number in a client's frames, for example `5.4.0`; older and unknown ones as the number. */
export function clientVersion(version: number): string {
  if (!Number.isSafeInteger(version) || version < REGULAR_FROM) return `#${version}`;
  const patches = Math.floor((version - V4_0_0_SNAPSHOT) / 2);
  const release = `${4 + Math.floor(patches / 100)}.${Math.floor(patches / 10) % 10}.${patches % 10}`;
  return version % 2 === 0 ? `${release}-SNAPSHOT` : release;
}
