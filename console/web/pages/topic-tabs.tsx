import type { JSX } from 'preact';
import type { GroupOnTopic, ProducerView, TopicDetail, TopicQueue } from '../../src/api-contract.ts';
import { formatCount, formatRate } from '../logic/format.ts';
import { formatPlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, Empty, Link, Time } from '../ui/basics.tsx';
import { LagCell } from '../ui/lag-cell.tsx';
import { type Column, Table } from '../ui/table.tsx';

export function Queues({ name, queues }: { name: string; queues: readonly TopicQueue[] }): JSX.Element {
  const most = Math.max(1, ...queues.map((queue) => queue.maxOffset - queue.minOffset));
  const columns: readonly Column<TopicQueue>[] = [
    {
      id: 'queue',
      label: t('queue'),
      main: true,
      sort: (queue) => `${queue.broker} ${queue.queueId}`,
      cell: (queue) => (
        <Link
          class="mono"
          title={t('browse')}
          to={formatPlace(['messages'], {
            mode: 'offset',
            topic: name,
            broker: queue.broker,
            queueId: queue.queueId,
            offset: Math.max(queue.minOffset, queue.maxOffset - 16),
          })}
        >
          {queue.broker}/{queue.queueId}
        </Link>
      ),
    },
    { id: 'min', label: t('minOffset'), right: true, cell: (queue) => formatCount(queue.minOffset) },
    {
      id: 'max',
      label: t('maxOffset'),
      right: true,
      sort: (queue) => queue.maxOffset,
      cell: (queue) => formatCount(queue.maxOffset),
    },
    {
      id: 'kept',
      label: t('kept'),
      right: true,
      sort: (queue) => queue.maxOffset - queue.minOffset,
      cell: (queue) => (
        <span class="meter-cell">
          <span
            class="bar"
            style={{ '--share': `${((queue.maxOffset - queue.minOffset) / most) * 100}%` }}
            aria-hidden="true"
          />
          {formatCount(queue.maxOffset - queue.minOffset)}
        </span>
      ),
    },
    {
      id: 'rate',
      label: `${t('inRate')}, ${t('perSecond')}`,
      right: true,
      sort: (queue) => queue.inPerSecond,
      cell: (queue) => formatRate(queue.inPerSecond),
    },
    {
      id: 'written',
      label: t('lastWrite'),
      sort: (queue) => queue.lastWriteAtMs,
      cell: (queue) => <Time atMs={queue.lastWriteAtMs} />,
    },
  ];
  return (
    <Table
      label={t('queues')}
      columns={columns}
      rows={queues}
      rowKey={(queue) => `${queue.broker} ${queue.queueId}`}
    />
  );
}

const CONSUMER_COLUMNS: readonly Column<GroupOnTopic>[] = [
  {
    id: 'group',
    label: t('group'),
    main: true,
    sort: (one) => one.group,
    cell: (one) => <Link to={formatPlace(['groups', one.group])}>{one.group}</Link>,
  },
  {
    id: 'lag',
    label: t('lag'),
    right: true,
    sort: (one) => one.lag,
    cell: (one) => <LagCell lag={one.lag} />,
  },
  {
    id: 'clients',
    label: t('clients'),
    right: true,
    sort: (one) => one.clients,
    cell: (one) => formatCount(one.clients),
  },
];

export function Consumers({
  name,
  consumers,
}: {
  name: string;
  consumers: readonly GroupOnTopic[];
}): JSX.Element {
  if (consumers.length === 0) {
    return <Empty title={t('noConsumers')} commands={[`comet topic tail ${name}`]} />;
  }
  return (
    <Table
      label={t('consumers')}
      columns={CONSUMER_COLUMNS}
      rows={consumers}
      rowKey={(one) => one.group}
      sort="-lag"
    />
  );
}

const PRODUCER_COLUMNS: readonly Column<ProducerView>[] = [
  { id: 'group', label: t('group'), main: true, sort: (one) => one.group, cell: (one) => one.group },
  { id: 'client', label: t('client'), cell: (one) => <code>{one.clientId}</code> },
  { id: 'address', label: t('address'), cell: (one) => <code>{one.address}</code> },
  { id: 'language', label: t('language'), cell: (one) => one.language },
  { id: 'version', label: t('version'), cell: (one) => one.version },
];

export function Producers({ producers }: { producers: readonly ProducerView[] | undefined }): JSX.Element {
  if (!producers) return <Empty title={t('unknown')} />;
  if (producers.length === 0) return <Empty title={t('noProducers')} />;
  return (
    <>
      <p class="muted inset">{t('producersNote')}</p>
      <Table
        label={t('producers')}
        columns={PRODUCER_COLUMNS}
        rows={producers}
        rowKey={(one) => `${one.group} ${one.clientId}`}
      />
    </>
  );
}

export function Route({ data }: { data: TopicDetail }): JSX.Element {
  return (
    <Table
      label={t('route')}
      rows={data.route}
      rowKey={(entry) => entry.broker}
      columns={[
        { id: 'broker', label: t('broker'), main: true, cell: (entry) => <strong>{entry.broker}</strong> },
        { id: 'cluster', label: t('cluster'), cell: (entry) => entry.cluster },
        {
          id: 'address',
          label: t('address'),
          cell: (entry) => <code>{Object.values(entry.addresses).join(', ')}</code>,
        },
        {
          id: 'queues',
          label: t('readWrite'),
          right: true,
          cell: (entry) => `${entry.readQueues} / ${entry.writeQueues}`,
        },
        {
          id: 'state',
          label: t('state'),
          cell: (entry) => (
            <>
              {entry.readable ? <Chip tone="good">R</Chip> : <Chip tone="bad">R</Chip>}{' '}
              {entry.writable ? <Chip tone="good">W</Chip> : <Chip tone="bad">W</Chip>}
            </>
          ),
        },
      ]}
    />
  );
}
