import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ChangeResult, GroupOnTopic, ProducerView, TopicDetail, TopicQueue } from '../../src/api-contract.ts';
import { apiPath, apiSend } from '../logic/api.ts';
import { formatCount, formatRate, formatShort } from '../logic/format.ts';
import { failureOf, usePoll } from '../logic/poll.ts';
import { formatPlace, navigate } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, Empty, FailureBox, Link, Loading, Notes, Tabs, Time } from '../ui/basics.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { LagCell } from '../ui/lag-cell.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Tile } from '../ui/tile.tsx';
import { showToast } from '../ui/toast.tsx';

const POLL_MS = 2_000;

export function TopicDetailPage({ name, tab = 'queues' }: { name: string; tab?: string | undefined }): JSX.Element {
  const { data, failure, refresh } = usePoll<TopicDetail>(apiPath(['topics', name]), POLL_MS);
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <div class="title">
        <nav class="crumbs" aria-label={t('topics')}>
          <Link to="/topics">{t('topics')}</Link>
        </nav>
        <h1 class="mono">{name}</h1>
        {data?.messageType ? <Chip tone="info">{data.messageType}</Chip> : null}
        <span class="grow" />
        <Link class="button" to={formatPlace(['messages'], { mode: 'time', topic: name, last: '1h' })}>
          {t('browse')}
        </Link>
        {data?.kind === 'user' ? (
          <button type="button" class="danger quiet" onClick={() => setDeleting(true)}>
            {t('deleteTopic')}
          </button>
        ) : null}
      </div>
      {failure ? <FailureBox failure={failure} retry={refresh} /> : null}
      <Notes notes={data?.notes} />
      {data ? <Detail data={data} tab={tab} /> : failure ? null : <Loading />}
      {deleting ? <DeleteDialog name={name} onClose={() => setDeleting(false)} /> : null}
    </>
  );
}

function Detail({ data, tab }: { data: TopicDetail; tab: string }): JSX.Element {
  const { name, queues, consumers, producers, route } = data;
  const lag = consumers.every((one) => one.lag !== undefined) ? consumers.reduce((sum, one) => sum + (one.lag ?? 0), 0) : undefined;
  const at = (id: string): string => formatPlace(['topics', name, id]);
  return (
    <>
      <div class="tiles">
        <Tile
          label={t('inRate')}
          value={data.inPerSecond === undefined ? undefined : formatRate(data.inPerSecond)}
          unit={t('perSecond')}
        />
        <Tile label={t('kept')} value={data.messages === undefined ? undefined : formatShort(data.messages)} />
        <Tile
          label={t('queues')}
          value={data.readQueues === undefined ? undefined : String(data.readQueues)}
          note={route.map((entry) => `${entry.broker} ${entry.readQueues}`).join(', ')}
        />
        <Tile
          label={t('lag')}
          to={at('consumers')}
          value={lag === undefined ? undefined : formatShort(lag)}
          note={t('ofGroups', { count: consumers.length })}
        />
        <div class="tile">
          <span class="tile-label">{t('lastWrite')}</span>
          <span class="tile-value small">
            <Time atMs={data.lastWriteAtMs} />
          </span>
        </div>
      </div>
      <Tabs
        label={name}
        current={tab}
        tabs={[
          { id: 'queues', label: t('queues'), to: formatPlace(['topics', name]), count: queues.length },
          { id: 'consumers', label: t('consumers'), to: at('consumers'), count: consumers.length },
          { id: 'producers', label: t('producers'), to: at('producers'), count: producers?.length },
          { id: 'route', label: t('route'), to: at('route'), count: route.length },
        ]}
      />
      <section class="card">
        {tab === 'consumers' ? <Consumers name={name} consumers={consumers} /> : null}
        {tab === 'producers' ? <Producers producers={producers} /> : null}
        {tab === 'route' ? <Route data={data} /> : null}
        {tab === 'queues' ? <Queues name={name} queues={queues} /> : null}
      </section>
    </>
  );
}

function Queues({ name, queues }: { name: string; queues: readonly TopicQueue[] }): JSX.Element {
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
    { id: 'max', label: t('maxOffset'), right: true, sort: (queue) => queue.maxOffset, cell: (queue) => formatCount(queue.maxOffset) },
    {
      id: 'kept',
      label: t('kept'),
      right: true,
      sort: (queue) => queue.maxOffset - queue.minOffset,
      cell: (queue) => (
        <span class="meter-cell">
          <span class="bar" style={{ '--share': `${((queue.maxOffset - queue.minOffset) / most) * 100}%` }} aria-hidden="true" />
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
    { id: 'written', label: t('lastWrite'), sort: (queue) => queue.lastWriteAtMs, cell: (queue) => <Time atMs={queue.lastWriteAtMs} /> },
  ];
  return <Table label={t('queues')} columns={columns} rows={queues} rowKey={(queue) => `${queue.broker} ${queue.queueId}`} />;
}

const CONSUMER_COLUMNS: readonly Column<GroupOnTopic>[] = [
  { id: 'group', label: t('group'), main: true, sort: (one) => one.group, cell: (one) => <Link to={formatPlace(['groups', one.group])}>{one.group}</Link> },
  { id: 'lag', label: t('lag'), right: true, sort: (one) => one.lag, cell: (one) => <LagCell lag={one.lag} /> },
  { id: 'clients', label: t('clients'), right: true, sort: (one) => one.clients, cell: (one) => formatCount(one.clients) },
];

function Consumers({ name, consumers }: { name: string; consumers: readonly GroupOnTopic[] }): JSX.Element {
  if (consumers.length === 0) {
    return <Empty title={t('noConsumers')} commands={[`comet topic tail ${name}`]} />;
  }
  return <Table label={t('consumers')} columns={CONSUMER_COLUMNS} rows={consumers} rowKey={(one) => one.group} sort="-lag" />;
}

const PRODUCER_COLUMNS: readonly Column<ProducerView>[] = [
  { id: 'group', label: t('group'), main: true, sort: (one) => one.group, cell: (one) => one.group },
  { id: 'client', label: t('client'), cell: (one) => <code>{one.clientId}</code> },
  { id: 'address', label: t('address'), cell: (one) => <code>{one.address}</code> },
  { id: 'language', label: t('language'), cell: (one) => one.language },
  { id: 'version', label: t('version'), cell: (one) => one.version },
];

function Producers({ producers }: { producers: readonly ProducerView[] | undefined }): JSX.Element {
  if (!producers) return <Empty title={t('unknown')} />;
  if (producers.length === 0) return <Empty title={t('noProducers')} />;
  return (
    <>
      <p class="muted inset">{t('producersNote')}</p>
      <Table label={t('producers')} columns={PRODUCER_COLUMNS} rows={producers} rowKey={(one) => `${one.group} ${one.clientId}`} />
    </>
  );
}

function Route({ data }: { data: TopicDetail }): JSX.Element {
  return (
    <Table
      label={t('route')}
      rows={data.route}
      rowKey={(entry) => entry.broker}
      columns={[
        { id: 'broker', label: t('broker'), main: true, cell: (entry) => <strong>{entry.broker}</strong> },
        { id: 'cluster', label: t('cluster'), cell: (entry) => entry.cluster },
        { id: 'address', label: t('address'), cell: (entry) => <code>{Object.values(entry.addresses).join(', ')}</code> },
        { id: 'queues', label: t('readWrite'), right: true, cell: (entry) => `${entry.readQueues} / ${entry.writeQueues}` },
        {
          id: 'state',
          label: t('state'),
          cell: (entry) => (
            <>
              {entry.readable ? <Chip tone="good">R</Chip> : <Chip tone="bad">R</Chip>} {entry.writable ? <Chip tone="good">W</Chip> : <Chip tone="bad">W</Chip>}
            </>
          ),
        },
      ]}
    />
  );
}

function DeleteDialog({ name, onClose }: { name: string; onClose: () => void }): JSX.Element {
  const confirm = async (typed: string): Promise<void> => {
    try {
      const result = await apiSend<ChangeResult>('DELETE', apiPath(['topics', name]), { confirm: typed });
      const failed = result.outcomes.find((outcome) => !outcome.ok);
      if (failed) showToast('warn', t('partlyDone', { detail: `${failed.target}: ${failed.detail ?? ''}` }));
      else {
        showToast('good', t('topicDeleted', { name }));
        navigate('/topics');
      }
    } catch (error) {
      showToast('bad', failureOf(error).message);
    }
    onClose();
  };
  return (
    <ConfirmDialog title={t('deleteTopic')} text={t('deleteTopicText')} name={name} action={t('delete')} onClose={onClose} onConfirm={confirm} />
  );
}
