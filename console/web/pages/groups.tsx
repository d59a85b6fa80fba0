import type { JSX } from 'preact';
import type { GroupSummary, Page } from '../../src/api-contract.ts';
import { apiPath } from '../logic/api.ts';
import { formatCount, formatDuration, formatRate } from '../logic/format.ts';
import { usePoll } from '../logic/poll.ts';
import { formatPlace, navigate, setQuery, usePlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, Empty, FailureBox, Link, Loading, Notes, Unknown } from '../ui/basics.tsx';
import { LagCell } from '../ui/lag-cell.tsx';
import { type Column, FilterBox, Pager, Table } from '../ui/table.tsx';

const POLL_MS = 3_000;
const PAGE_ITEMS = 100;
const TOPICS_SHOWN_MAX = 3;

export function GroupsPage(): JSX.Element {
  const { query } = usePlace();
  const q = query['q'] ?? '';
  const system = query['system'] === 'true';
  const path = apiPath(['groups'], { q, system, offset: query['offset'], limit: PAGE_ITEMS });
  const { data, failure, refresh } = usePoll<Page<GroupSummary>>(path, POLL_MS);
  return (
    <>
      <div class="title">
        <h1>{t('groups')}</h1>
        <span class="grow" />
        <FilterBox value={q} onInput={(text) => setQuery({ q: text, offset: undefined })} />
        <label class="switch">
          <input
            type="checkbox"
            checked={system}
            onChange={(event) =>
              setQuery({ system: event.currentTarget.checked ? 'true' : undefined, offset: undefined })
            }
          />
          {t('showSystem')}
        </label>
      </div>
      {failure ? <FailureBox failure={failure} retry={refresh} /> : null}
      <Notes notes={data?.notes} />
      {data ? <GroupTable data={data} q={q} /> : failure ? null : <Loading />}
    </>
  );
}

function GroupTable({ data, q }: { data: Page<GroupSummary>; q: string }): JSX.Element {
  if (data.total === 0) {
    return q === '' ? (
      <Empty title={t('noGroups')} text={t('noGroupsText')} commands={['comet group create billing']} />
    ) : (
      <Empty title={t('noGroupsMatch', { text: q })} />
    );
  }
  return (
    <section class="card">
      <Table
        label={t('groups')}
        columns={COLUMNS}
        rows={data.items}
        rowKey={(group) => group.name}
        sort="-lag"
        onRow={(group) => navigate(formatPlace(['groups', group.name]))}
      />
      <Pager offset={data.offset} limit={data.limit} total={data.total} />
    </section>
  );
}

const COLUMNS: readonly Column<GroupSummary>[] = [
  {
    id: 'name',
    label: t('name'),
    main: true,
    sort: (group) => group.name,
    cell: (group) => <Link to={formatPlace(['groups', group.name])}>{group.name}</Link>,
  },
  {
    id: 'lag',
    label: t('lag'),
    right: true,
    sort: (group) => group.lag,
    cell: (group) => (
      <LagCell lag={group.lag} why={group.model === 'BROADCASTING' ? t('broadcastLag') : group.fault} />
    ),
  },
  {
    id: 'delay',
    label: t('delay'),
    title: t('delayTitle'),
    right: true,
    sort: (group) => group.delayMs,
    cell: (group) =>
      group.delayMs === undefined ? (
        <Unknown why={group.fault} />
      ) : group.delayMs === 0 ? (
        '0'
      ) : (
        formatDuration(group.delayMs)
      ),
  },
  {
    id: 'out',
    label: `${t('outRate')}, ${t('perSecond')}`,
    right: true,
    sort: (group) => group.outPerSecond,
    cell: (group) => (
      <span class={(group.outPerSecond ?? 0) > 0 ? 'moving' : ''}>{formatRate(group.outPerSecond)}</span>
    ),
  },
  {
    id: 'clients',
    label: t('clients'),
    right: true,
    sort: (group) => group.clients,
    cell: (group) => <Clients group={group} />,
  },
  {
    id: 'model',
    label: t('model'),
    sort: (group) => group.model,
    cell: (group) => (group.model ? <Chip>{group.model}</Chip> : <Unknown why={t('noClients')} />),
  },
  {
    id: 'topics',
    label: t('subscribed'),
    cell: (group) => (
      <span class="links">
        {(group.topics ?? []).slice(0, TOPICS_SHOWN_MAX).map((topic) => (
          <Link key={topic} to={formatPlace(['topics', topic])}>
            {topic}
          </Link>
        ))}
        {(group.topics?.length ?? 0) > TOPICS_SHOWN_MAX ? (
          <span class="muted">+{(group.topics?.length ?? 0) - TOPICS_SHOWN_MAX}</span>
        ) : null}
      </span>
    ),
  },
  {
    id: 'dead',
    label: t('deadLettersTile'),
    right: true,
    sort: (group) => group.deadLetters,
    cell: (group) =>
      (group.deadLetters ?? 0) > 0 ? (
        <Link
          class="lagging"
          to={formatPlace(['messages'], { mode: 'time', topic: `%DLQ%${group.name}`, last: '7d' })}
        >
          {formatCount(group.deadLetters)}
        </Link>
      ) : (
        <span class="muted">{formatCount(group.deadLetters)}</span>
      ),
  },
];

function Clients({ group }: { group: GroupSummary }): JSX.Element {
  if (group.clients === undefined) return <Unknown why={group.fault} />;
  if (group.clients > 0) return <>{formatCount(group.clients)}</>;
  return (
    <Chip tone={(group.lag ?? 0) > 0 ? 'bad' : 'plain'} title={t('noClients')}>
      {t('noClient')}
    </Chip>
  );
}
