import type { JSX } from 'preact';
import type { Attention, BrokerView, ClusterView } from '../../src/api-contract.ts';
import { formatCount, formatDuration, formatPercent, formatRate, formatShort } from '../logic/format.ts';
import { usePoll } from '../logic/poll.ts';
import { formatPlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, FailureBox, Link, Loading, Notes, Time, Unknown } from '../ui/basics.tsx';
import { Chart } from '../ui/chart.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Tile } from '../ui/tile.tsx';

const POLL_MS = 2_000;
const ATTENTION_SHOWN_MAX = 8;

export function OverviewPage(): JSX.Element {
  const { data, failure, refresh } = usePoll<ClusterView>('/cluster', POLL_MS);
  return (
    <>
      <h1>{t('overview')}</h1>
      {failure ? <FailureBox failure={failure} retry={refresh} /> : null}
      {data ? <Cluster data={data} stale={failure !== undefined} /> : failure ? null : <Loading />}
    </>
  );
}

function Cluster({ data, stale }: { data: ClusterView; stale: boolean }): JSX.Element {
  const ins = data.history.map((sample) => sample.inPerSecond);
  const outs = data.history.map((sample) => sample.outPerSecond);
  return (
    <>
      {/* Old facts allow no verdict, and missing ones no all-clear. */}
      {stale || (data.attention.length === 0 && data.notes.length > 0) ? null : (
        <AnswerLine attention={data.attention} />
      )}
      <Notes notes={data.notes} />
      <div class="tiles">
        <Tile
          label={t('inRate')}
          value={known(data.inPerSecond, formatRate)}
          unit={t('perSecond')}
          trend={ins}
          note={total(data.inTotal)}
        />
        <Tile
          label={t('outRate')}
          value={known(data.outPerSecond, formatRate)}
          unit={t('perSecond')}
          trend={outs}
          trendClass="out"
          note={total(data.outTotal)}
        />
        <Tile
          label={t('lag')}
          to="/groups?sort=-lag"
          value={known(data.lag, formatShort)}
          tone={(data.delayMs ?? 0) > 60_000 ? 'warn' : undefined}
          note={lagNote(data)}
        />
        <Tile
          label={t('deadLettersTile')}
          to="/topics?kind=derived"
          value={known(data.deadLetters, formatShort)}
          tone={(data.deadLetters ?? 0) > 0 ? 'warn' : undefined}
        />
        <Tile label={t('topics')} to="/topics" value={known(data.topicCount, formatCount)} />
        <Tile
          label={t('clients')}
          to="/groups"
          value={known(data.clients, formatCount)}
          note={
            data.groupCount === undefined
              ? ''
              : data.groupCount === 1
                ? t('ofOneGroup')
                : t('ofGroups', { count: data.groupCount })
          }
        />
      </div>
      <section class="card">
        <header>
          <h2>{t('rates')}</h2>
          <small>{t('ratesNote')}</small>
        </header>
        <Chart
          label={t('rates')}
          atMs={data.history.map((sample) => sample.atMs)}
          series={[
            { label: t('inRate'), color: '--in', values: ins },
            { label: t('outRate'), color: '--out', values: outs },
          ]}
        />
      </section>
      <section class="card">
        <header>
          <h2>{t('brokers')}</h2>
          <small>
            {t('nameServers')}
            {data.nameServers.map(({ address, reachable }) => (
              <Chip
                key={address}
                tone={reachable ? 'good' : 'bad'}
                title={t(reachable ? 'reachable' : 'unreachable')}
              >
                {address}
              </Chip>
            ))}
          </small>
        </header>
        <Table
          label={t('brokers')}
          columns={BROKER_COLUMNS}
          rows={data.brokers}
          rowKey={(broker) => broker.address}
          rowTone={(broker) => (broker.online ? undefined : 'bad')}
        />
      </section>
    </>
  );
}

function lagNote({ lag, delayMs, lagUnknownGroups }: ClusterView): string {
  if (lagUnknownGroups !== undefined && lagUnknownGroups > 0)
    return t('lagWithout', { count: lagUnknownGroups });
  if (lag === 0) return t('noLag');
  return delayMs === undefined ? '' : t('oldestWaiting', { age: formatDuration(delayMs) });
}

function known(value: number | undefined, format: (value: number) => string): string | undefined {
  return value === undefined ? undefined : format(value);
}

function total(value: number | undefined): string {
  return value === undefined ? '' : t('total', { count: formatShort(value) });
}

/** One sentence that says what is wrong, or that nothing is. */
function AnswerLine({ attention }: { attention: readonly Attention[] }): JSX.Element {
  if (attention.length === 0) {
    return (
      <p class="answer good">
        <i aria-hidden="true">✓</i> {t('quiet')}
      </p>
    );
  }
  const worst = attention.some((one) => one.severity === 'bad') ? 'bad' : 'warn';
  return (
    <section class={`answer ${worst}`} aria-label={t('attention')}>
      <h2>{attention.length === 1 ? t('attentionOne') : t('attentionCount', { count: attention.length })}</h2>
      <ul>
        {attention.slice(0, ATTENTION_SHOWN_MAX).map((one) => (
          <li key={`${one.kind} ${one.subject}`} class={one.severity}>
            <Sentence one={one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Sentence({ one }: { one: Attention }): JSX.Element {
  const { kind, subject, value, detail } = one;
  const count = formatCount(value);
  if (kind === 'no-broker') return <>{t('noBroker')}</>;
  if (kind === 'broker-offline') return <span title={detail}>{t('brokerOffline', { subject })}</span>;
  if (kind === 'disk') return <>{t('diskFull', { subject, value: formatPercent(value) })}</>;
  const key =
    kind === 'group-behind' ? 'groupBehind' : kind === 'group-unattended' ? 'groupUnattended' : 'deadLetters';
  const to =
    kind === 'dead-letters'
      ? formatPlace(['messages'], { mode: 'time', topic: `%DLQ%${subject}`, last: '7d' })
      : formatPlace(['groups', subject]);
  return <Link to={to}>{t(key, { subject, value: count })}</Link>;
}

const BROKER_COLUMNS: readonly Column<BrokerView>[] = [
  {
    id: 'name',
    label: t('broker'),
    main: true,
    sort: (broker) => broker.name,
    cell: (broker) => (
      <>
        <strong>{broker.name}</strong> {broker.role === 'replica' ? <Chip>{t('replica')}</Chip> : null}
        {broker.online ? null : (
          <Chip tone="bad" title={broker.fault ?? ''}>
            {t('offline')}
          </Chip>
        )}
      </>
    ),
  },
  { id: 'cluster', label: t('cluster'), cell: (broker) => broker.cluster },
  { id: 'address', label: t('address'), cell: (broker) => <code>{broker.address}</code> },
  { id: 'version', label: t('version'), cell: (broker) => broker.version ?? <Unknown why={broker.fault} /> },
  { id: 'started', label: t('uptime'), cell: (broker) => <Time atMs={broker.startedAtMs} relativeOnly /> },
  {
    id: 'in',
    label: t('inRate'),
    right: true,
    sort: (broker) => broker.putPerSecond,
    cell: (broker) => formatRate(broker.putPerSecond),
  },
  {
    id: 'out',
    label: t('outRate'),
    right: true,
    sort: (broker) => broker.getPerSecond,
    cell: (broker) => formatRate(broker.getPerSecond),
  },
  { id: 'inTotal', label: t('inTotal'), right: true, cell: (broker) => formatCount(broker.putTotal) },
  { id: 'outTotal', label: t('outTotal'), right: true, cell: (broker) => formatCount(broker.getTotal) },
  {
    id: 'disk',
    label: t('disk'),
    right: true,
    sort: (broker) => broker.diskUsedRatio,
    cell: (broker) =>
      broker.diskUsedRatio === undefined ? (
        <Unknown why={broker.fault} />
      ) : (
        <span class="meter-cell">
          <meter
            min={0}
            max={1}
            low={0.75}
            high={0.85}
            optimum={0}
            value={broker.diskUsedRatio}
            aria-label={t('disk')}
          />
          {formatPercent(broker.diskUsedRatio)}
        </span>
      ),
  },
];
