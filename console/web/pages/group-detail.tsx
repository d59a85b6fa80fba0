import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { GroupDetail, GroupQueue } from '../../src/api-contract.ts';
import { apiPath } from '../logic/api.ts';
import { drainMs, formatCount, formatDuration, formatRate, formatShort } from '../logic/format.ts';
import { usePoll } from '../logic/poll.ts';
import { formatPlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, Empty, FailureBox, Link, Loading, Notes, Tabs, Time, Unknown } from '../ui/basics.tsx';
import { Chart } from '../ui/chart.tsx';
import { LagCell } from '../ui/lag-cell.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Tile } from '../ui/tile.tsx';
import { GroupClients } from './group-clients.tsx';
import { RewindPanel } from './rewind.tsx';

const POLL_MS = 2_000;
const SAMPLES_MAX = 900;

interface Sample {
  readonly atMs: number;
  readonly lag: number | undefined;
  readonly inPerSecond: number | undefined;
  readonly outPerSecond: number | undefined;
}

export function GroupDetailPage({
  name,
  tab = 'lag',
}: {
  name: string;
  tab?: string | undefined;
}): JSX.Element {
  const { data, failure, refresh } = usePoll<GroupDetail>(apiPath(['groups', name]), POLL_MS);
  const samples = useSamples(data);
  return (
    <>
      <div class="title">
        <nav class="crumbs" aria-label={t('groups')}>
          <Link to="/groups">{t('groups')}</Link>
        </nav>
        <h1 class="mono">{name}</h1>
        {data?.model ? <Chip tone="info">{data.model}</Chip> : null}
        {data?.consumeType ? <Chip>{data.consumeType.replace('CONSUME_', '')}</Chip> : null}
        {data?.clients === 0 ? (
          <Chip tone={(data.lag ?? 0) > 0 ? 'bad' : 'plain'}>{t('noClient')}</Chip>
        ) : null}
      </div>
      {failure ? <FailureBox failure={failure} retry={refresh} /> : null}
      <Notes notes={data?.notes} />
      {data ? <Detail data={data} samples={samples} tab={tab} /> : failure ? null : <Loading />}
    </>
  );
}

/** What was seen since the page was opened: the broker keeps no history of a group. */
function useSamples(data: GroupDetail | undefined): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (!data) return;
    const { atMs, lag, inPerSecond, outPerSecond } = data;
    setSamples((before) => [...before, { atMs, lag, inPerSecond, outPerSecond }].slice(-SAMPLES_MAX));
  }, [data]);
  return samples;
}

function Detail({
  data,
  samples,
  tab,
}: {
  data: GroupDetail;
  samples: readonly Sample[];
  tab: string;
}): JSX.Element {
  const at = (id: string): string => formatPlace(['groups', data.name, id]);
  return (
    <>
      <Tiles data={data} samples={samples} />
      <Tabs
        label={data.name}
        current={tab}
        tabs={[
          {
            id: 'lag',
            label: t('lagTab'),
            to: formatPlace(['groups', data.name]),
            count: data.queues.length,
          },
          { id: 'clients', label: t('clientsTab'), to: at('clients'), count: data.connections.length },
          {
            id: 'subscriptions',
            label: t('subscriptionsTab'),
            to: at('subscriptions'),
            count: data.subscriptions.length,
          },
          { id: 'rewind', label: t('rewindTab'), to: at('rewind') },
        ]}
      />
      {tab === 'lag' ? <Lag data={data} samples={samples} /> : null}
      {tab === 'clients' ? <GroupClients data={data} /> : null}
      {tab === 'subscriptions' ? <Subscriptions data={data} /> : null}
      {tab === 'rewind' ? <RewindPanel data={data} /> : null}
    </>
  );
}

function Tiles({ data, samples }: { data: GroupDetail; samples: readonly Sample[] }): JSX.Element {
  const drain = drainMs(data.lag, data.inPerSecond, data.outPerSecond);
  const drainText =
    drain === undefined
      ? undefined
      : drain === 0
        ? t('caughtUp')
        : drain === Infinity
          ? t('never')
          : formatDuration(drain);
  return (
    <div class="tiles">
      <Tile
        label={t('lag')}
        value={data.lag === undefined ? undefined : formatShort(data.lag)}
        tone={(data.lag ?? 0) > 0 && data.clients === 0 ? 'bad' : undefined}
        trend={samples.map((sample) => sample.lag)}
        trendClass="lag"
        note={data.model === 'BROADCASTING' ? t('broadcastLag') : ''}
      />
      <Tile
        label={t('delay')}
        value={
          data.delayMs === undefined ? undefined : data.delayMs === 0 ? '0' : formatDuration(data.delayMs)
        }
      />
      <Tile
        label={t('outRate')}
        value={data.outPerSecond === undefined ? undefined : formatRate(data.outPerSecond)}
        unit={t('perSecond')}
        trend={samples.map((sample) => sample.outPerSecond)}
        trendClass="out"
      />
      <Tile label={t('drain')} value={drainText} tone={drain === Infinity ? 'warn' : undefined} />
      <Tile
        label={t('clients')}
        to={formatPlace(['groups', data.name, 'clients'])}
        value={data.clients === undefined ? undefined : String(data.clients)}
      />
      <Tile
        label={t('deadLettersTile')}
        to={formatPlace(['messages'], { mode: 'time', topic: `%DLQ%${data.name}`, last: '7d' })}
        value={data.deadLetters === undefined ? undefined : formatShort(data.deadLetters)}
        tone={(data.deadLetters ?? 0) > 0 ? 'warn' : undefined}
      />
    </div>
  );
}

function Lag({ data, samples }: { data: GroupDetail; samples: readonly Sample[] }): JSX.Element {
  if (data.queues.length === 0) return <Empty title={t('noProgress')} text={t('noProgressText')} />;
  const atMs = samples.map((sample) => sample.atMs);
  return (
    <>
      <div class="charts">
        <section class="card">
          <header>
            <h2>{t('lagChart')}</h2>
            <small>{t('lagChartNote')}</small>
          </header>
          <Chart
            label={t('lagChart')}
            height={150}
            atMs={atMs}
            series={[{ label: t('lag'), color: '--lag', values: samples.map((one) => one.lag) }]}
          />
        </section>
        <section class="card">
          <header>
            <h2>{t('groupRates')}</h2>
          </header>
          <Chart
            label={t('groupRates')}
            height={150}
            atMs={atMs}
            series={[
              { label: t('inRate'), color: '--in', values: samples.map((one) => one.inPerSecond) },
              { label: t('outRate'), color: '--out', values: samples.map((one) => one.outPerSecond) },
            ]}
          />
        </section>
      </div>
      <section class="card">
        <Table
          label={t('queues')}
          columns={QUEUE_COLUMNS}
          rows={data.queues}
          rowKey={queueName}
          sort="-lag"
        />
      </section>
    </>
  );
}

function queueName(queue: GroupQueue): string {
  return `${queue.topic} ${queue.broker}/${queue.queueId}`;
}

const QUEUE_COLUMNS: readonly Column<GroupQueue>[] = [
  {
    id: 'queue',
    label: t('queue'),
    main: true,
    sort: queueName,
    cell: (queue) => (
      <>
        <Link to={formatPlace(['topics', queue.topic])}>{queue.topic}</Link>{' '}
        <span class="mono muted">
          {queue.broker}/{queue.queueId}
        </span>
      </>
    ),
  },
  {
    id: 'lag',
    label: t('lag'),
    right: true,
    sort: (queue) => queue.lag,
    cell: (queue) => <LagCell lag={queue.lag} />,
  },
  {
    id: 'committed',
    label: t('committed'),
    right: true,
    sort: (queue) => queue.consumerOffset,
    cell: (queue) =>
      queue.consumerOffset === undefined ? (
        <Unknown why={t('neverCommitted')} />
      ) : (
        formatCount(queue.consumerOffset)
      ),
  },
  {
    id: 'max',
    label: t('brokerMax'),
    right: true,
    sort: (queue) => queue.brokerOffset,
    cell: (queue) => formatCount(queue.brokerOffset),
  },
  {
    id: 'owner',
    label: t('ownerClient'),
    sort: (queue) => queue.ownerClientId,
    cell: (queue) => (queue.ownerClientId === undefined ? <Unknown /> : <code>{queue.ownerClientId}</code>),
  },
  {
    id: 'last',
    label: t('lastConsumed'),
    sort: (queue) => queue.lastConsumedStoredAtMs,
    cell: (queue) => <Time atMs={queue.lastConsumedStoredAtMs} />,
  },
];

function Subscriptions({ data }: { data: GroupDetail }): JSX.Element {
  if (data.subscriptions.length === 0) return <Empty title={t('noSubscriptions')} />;
  return (
    <section class="card">
      <Table
        label={t('subscriptionsTab')}
        rows={data.subscriptions}
        rowKey={(one) => one.topic}
        columns={[
          {
            id: 'topic',
            label: t('topic'),
            main: true,
            sort: (one) => one.topic,
            cell: (one) => <Link to={formatPlace(['topics', one.topic])}>{one.topic}</Link>,
          },
          { id: 'expression', label: t('expression'), cell: (one) => <code>{one.expression}</code> },
          { id: 'type', label: t('type'), cell: (one) => <Chip>{one.type}</Chip> },
        ]}
      />
    </section>
  );
}
