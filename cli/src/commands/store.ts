import { resolve } from 'node:path';
import type { DumpedRecord } from '@cometmq/broker/store/tools/dump-store';
import type { StoreFinding } from '@cometmq/broker/store/tools/store-files';
import type { Disk } from '@cometmq/common/disk/disk';
import { conflictError, notFoundError } from '../command/cli-error.ts';
import type { Command, CommandContext } from '../command/command.ts';
import { ExitCode } from '../command/exit-code.ts';
import type { Column } from '../output/table.ts';

const DATA = { data: { value: 'DIR', about: 'data folder of the broker (./.comet)' } };
/** A store can have as many findings as it has bytes; people need the first ones. */
const FINDINGS_MAX = 10_000;
const DUMP_MAX = 1_000;
const FILES_CHANGE = 'its files change while they are read';

const FINDING_COLUMNS: readonly Column<StoreFinding>[] = [
  { title: 'file', value: ({ file }) => file },
  { title: 'byte', value: ({ offset }) => offset },
  { title: 'length', value: ({ length }) => length },
  { title: 'problem', value: ({ problem }) => problem },
];

const RECORD_COLUMNS: readonly Column<DumpedRecord>[] = [
  { title: 'position', value: ({ physicalOffset }) => physicalOffset },
  { title: 'topic', value: ({ topic }) => topic },
  { title: 'queue', value: ({ queueId }) => queueId },
  { title: 'offset', value: ({ queueOffset }) => queueOffset },
  { title: 'stored', value: ({ storeTimestamp }) => new Date(storeTimestamp).toISOString() },
  { title: 'size', value: ({ size }) => size },
  { title: 'body', value: ({ bodySize, isBodyIntact }) => (isBodyIntact ? bodySize : 'damaged') },
  { title: 'frame', value: ({ isFrameIntact }) => (isFrameIntact ? 'whole' : 'damaged') },
  { title: 'keys', value: ({ properties }) => properties.get('KEYS') },
  { title: 'tag', value: ({ properties }) => properties.get('TAGS') },
  { title: 'file', value: ({ file }) => file, wide: true },
  { title: 'byte', value: ({ offset }) => offset, wide: true },
];

/** The disk and the folder of a store that nobody is using. */
async function stoppedStore({ options }: CommandContext): Promise<{ disk: Disk; directory: string }> {
  const [{ NodeDisk }, { readFileSync }, { nodeProcesses }, { liveHolder }] = await Promise.all([
    import('@cometmq/common/disk/node-disk'),
    import('@cometmq/common/disk/atomic-file'),
    import('@cometmq/common/process/node-processes'),
    import('@cometmq/broker/store/directory-lock'),
  ]);
  const disk = new NodeDisk();
  const data = resolve(options.text('data') ?? './.comet');
  const directory = resolve(data, 'store');
  if (!disk.existsSync(directory)) {
    throw notFoundError(
      'MQ-STORE-404',
      `there is no store in ${data}`,
      'name the data folder with: --data DIR',
    );
  }
  const holder = liveHolder(readFileSync(disk, resolve(data, 'lock')), nodeProcesses);
  if (holder !== undefined) {
    throw conflictError(`process ${holder} is using ${data}`, 'stop the broker first', FILES_CHANGE);
  }
  return { disk, directory };
}

async function verify(context: CommandContext): Promise<ExitCode | undefined> {
  const { disk, directory } = await stoppedStore(context);
  const [{ verifyStore }, { verifySettings }] = await Promise.all([
    import('@cometmq/broker/store/tools/verify-store'),
    import('@cometmq/broker/store/tools/verify-settings'),
  ]);
  const rows: StoreFinding[] = [];
  for (const findings of [
    verifyStore(disk, directory),
    verifySettings(disk, resolve(directory, '../config')),
  ]) {
    for await (const finding of findings) {
      if (rows.length >= FINDINGS_MAX || context.signal.aborted) break;
      rows.push(finding);
    }
  }
  await context.output.list({
    rows,
    columns: FINDING_COLUMNS,
    name: ({ file, offset }) => `${file}:${offset}`,
    empty: 'every byte is as it was written',
  });
  return rows.length > 0 ? ExitCode.FAILED : undefined;
}

async function dump(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const { disk, directory } = await stoppedStore(context);
  const { dumpStore } = await import('@cometmq/broker/store/tools/dump-store');
  const limit = options.whole('limit', { min: 1 }) ?? DUMP_MAX;
  const from = options.whole('from', { min: 0 });
  const topic = options.text('topic');
  const rows: DumpedRecord[] = [];
  const records = dumpStore(disk, directory, {
    ...(from === undefined ? {} : { from }),
    ...(topic === undefined ? {} : { topic }),
  });
  for await (const record of records) {
    rows.push(record);
    if (rows.length >= limit || context.signal.aborted) break;
  }
  await output.list({
    rows,
    columns: RECORD_COLUMNS,
    name: ({ physicalOffset }) => String(physicalOffset),
    whole: rows.map((row) => ({ ...row, properties: Object.fromEntries(row.properties) })),
    empty: 'the log has no messages',
  });
  const last = rows.at(-1);
  if (rows.length >= limit && last !== undefined) {
    output.say(`there is more: go on with --from ${last.physicalOffset + last.size}`);
  }
  return undefined;
}

export const storeCommands: readonly Command[] = [
  {
    name: 'store verify',
    about: 'check every byte of a stopped broker; exit code 1 when something is damaged',
    options: DATA,
    examples: ['comet store verify --data ./data'],
    run: verify,
  },
  {
    name: 'store dump',
    about: 'print the records of a stopped broker',
    options: {
      ...DATA,
      from: { value: 'POSITION', about: 'log position to begin at (the oldest)' },
      topic: { value: 'NAME', short: 't', about: 'only this topic' },
      limit: { value: 'N', about: `at most so many records (${DUMP_MAX})` },
    },
    examples: ['comet store dump --data ./data --topic orders'],
    run: dump,
  },
];
