const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const SIZE_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
};

/** Milliseconds of text such as `500ms`, `1.5s`, `15m`, `3d` or `1h30m`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*/gy)];
  if (
    parts.length === 0 ||
    parts
      .map(([part]) => part)
      .join('')
      .trim() !== text.trim()
  )
    return undefined;
  return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (DURATION_MS[unit] ?? 0), 0);
}

/** Bytes of text such as `4MiB`, `64k` or `1048576`; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = SIZE_BYTES[match?.[2]?.toLowerCase() ?? 'none'];
  return match === null || unit === undefined ? undefined : Math.floor(Number(match[1]) * unit);
}
