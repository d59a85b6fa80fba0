import type { JSX } from 'preact';
import type { RewindPreview, RewindQueue, RewindResult } from '../../src/api-contract.ts';
import { formatCount } from '../logic/format.ts';
import { t } from '../logic/texts.ts';
import { Chip, Unknown } from '../ui/basics.tsx';
import { type Column, Table } from '../ui/table.tsx';

const PREVIEW_COLUMNS: readonly Column<RewindQueue>[] = [
  {
    id: 'queue',
    label: t('queue'),
    main: true,
    sort: (queue) => `${queue.broker} ${queue.queueId}`,
    cell: (queue) => (
      <span class="mono">
        {queue.broker}/{queue.queueId}
      </span>
    ),
  },
  {
    id: 'from',
    label: t('from'),
    right: true,
    cell: (queue) =>
      queue.from === undefined ? <Unknown why={t('neverCommitted')} /> : formatCount(queue.from),
  },
  { id: 'to', label: t('to'), right: true, cell: (queue) => formatCount(queue.to) },
  {
    id: 'effect',
    label: t('effect'),
    sort: (queue) => queue.replayed - queue.skipped,
    cell: (queue) => <Effect queue={queue} />,
  },
  {
    id: 'min',
    label: t('minOffset'),
    right: true,
    cell: (queue) => <span class="muted">{formatCount(queue.minOffset)}</span>,
  },
  {
    id: 'max',
    label: t('maxOffset'),
    right: true,
    cell: (queue) => <span class="muted">{formatCount(queue.maxOffset)}</span>,
  },
];

function Effect({ queue }: { queue: RewindQueue }): JSX.Element {
  if (queue.replayed > 0)
    return <Chip tone="info">↺ {t('replayCount', { count: formatCount(queue.replayed) })}</Chip>;
  if (queue.skipped > 0)
    return <Chip tone="warn">⇥ {t('skipCount', { count: formatCount(queue.skipped) })}</Chip>;
  return <span class="muted">{queue.from === queue.to ? t('staysCount') : '→'}</span>;
}

export function PreviewTable({ preview }: { preview: RewindPreview }): JSX.Element {
  return (
    <Table
      label={t('preview')}
      columns={PREVIEW_COLUMNS}
      rows={preview.queues}
      rowKey={(queue) => `${queue.broker} ${queue.queueId}`}
    />
  );
}

type ResultRow = RewindResult['queues'][number];

const RESULT_COLUMNS: readonly Column<ResultRow>[] = [
  {
    id: 'queue',
    label: t('queue'),
    main: true,
    cell: (queue) => (
      <span class="mono">
        {queue.broker}/{queue.queueId}
      </span>
    ),
  },
  {
    id: 'from',
    label: t('from'),
    right: true,
    cell: (queue) =>
      queue.from === undefined ? <Unknown why={t('neverCommitted')} /> : formatCount(queue.from),
  },
  { id: 'now', label: t('nowAt'), right: true, cell: (queue) => formatCount(queue.now) },
  {
    id: 'state',
    label: t('state'),
    cell: (queue) => {
      if (queue.now === undefined) return <Chip tone="bad">{t('noAnswer')}</Chip>;
      if (queue.now === queue.to) return <Chip tone="good">{t('asPlanned')}</Chip>;
      return <Chip tone="warn">{t('differs', { offset: queue.to })}</Chip>;
    },
  },
];

export function ResultTable({ result }: { result: RewindResult }): JSX.Element {
  return (
    <Table
      label={t('rewindTab')}
      columns={RESULT_COLUMNS}
      rows={result.queues}
      rowKey={(queue) => `${queue.broker} ${queue.queueId}`}
    />
  );
}
