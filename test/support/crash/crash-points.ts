/** A point at which a broker dies: its n-th operation of a kind on a kind of file, counted from its start. */
export interface CrashPoint {
  readonly operation: 'write' | 'datasync' | 'create' | 'rename' | 'remove' | 'syncDirectory' | 'save';
  /** Kind of file, or family of keys. */
  readonly area: string;
  readonly hit: number;
  /** `torn`: a part of the bytes is written. */
  readonly when: 'before' | 'torn' | 'after';
}

type Row = readonly [
  operation: CrashPoint['operation'],
  area: string,
  hit: number,
  ...when: CrashPoint['when'][],
];

// Low numbers strike while the broker starts: recovery is killed, too.
const TABLE: readonly Row[] = [
  // A group commit: before it is written, in the middle, written but not synced, synced but not answered.
  ['write', 'commitlog', 60, 'before', 'torn', 'after'],
  ['datasync', 'commitlog', 60, 'before', 'after'],
  // Recovery: the cut of the tail and what makes it durable.
  ['write', 'commitlog', 1, 'before', 'torn', 'after'],
  ['datasync', 'commitlog', 1, 'before', 'after'],
  // A roll to the next segment, and the one after it that is prepared.
  ['create', 'spare', 1, 'after'],
  ['write', 'spare', 1, 'torn'],
  ['datasync', 'spare', 1, 'after'],
  ['rename', 'spare', 1, 'before', 'after'],
  ['rename', 'commitlog', 1, 'before', 'after'],
  ['syncDirectory', 'commitlog', 2, 'before', 'after'],
  // Queues and key index: in recovery, and with the checkpoint of each second.
  ['create', 'consumequeue', 1, 'after'],
  ['write', 'consumequeue', 1, 'before', 'torn'],
  ['write', 'consumequeue', 12, 'before', 'torn', 'after'],
  ['datasync', 'consumequeue', 12, 'after'],
  ['write', 'index', 1, 'torn'],
  ['write', 'index', 3, 'before', 'torn', 'after'],
  ['datasync', 'index', 2, 'after'],
  ['write', 'checkpoint', 1, 'before', 'torn', 'after'],
  ['write', 'checkpoint', 2, 'before', 'torn', 'after'],
  ['datasync', 'checkpoint', 2, 'before', 'after'],
  // Settings and progress: topics, offsets of groups, decided transactions, delivered delays.
  ['save', 'topic', 3, 'before', 'after'],
  ['save', 'offset', 1, 'before', 'after'],
  ['save', 'transaction', 1, 'before', 'after'],
  ['save', 'delay', 1, 'before', 'after'],
  // What shows damage of the settings.
  ['rename', 'seal', 1, 'before', 'after'],
  ['rename', 'seal', 3, 'before', 'after'],
  // The lock of the data folder.
  ['rename', 'lock', 1, 'before', 'after'],
];

/** All points, in the order of the table. */
export const CRASH_POINTS: readonly CrashPoint[] = TABLE.flatMap(([operation, area, hit, ...whens]) =>
  whens.map((when) => ({ operation, area, hit, when })),
);

export function crashPointName({ operation, area, hit, when }: CrashPoint): string {
  return `${when} ${operation} ${hit} of ${area}`;
}
