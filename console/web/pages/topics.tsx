import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Page, TopicSummary } from '../../src/api-contract.ts';
import { apiPath } from '../logic/api.ts';
import { formatCount, formatRate } from '../logic/format.ts';
import { usePoll } from '../logic/poll.ts';
import { formatPlace, navigate, setQuery, usePlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, Empty, FailureBox, Link, Loading, Notes, Time, Unknown } from '../ui/basics.tsx';
import { type Column, FilterBox, Pager, Table } from '../ui/table.tsx';
import { CreateTopicDialog } from './create-topic.tsx';

const POLL_MS = 3_000;
const PAGE_ITEMS = 100;
const KINDS = [
  ['user', 'kindUser'],
  ['derived', 'kindDerived'],
  ['system', 'kindSystem'],
] as const;

export function TopicsPage(): JSX.Element {
  const { query } = usePlace();
  const kind = KINDS.find(([id]) => id === query['kind'])?.[0] ?? 'user';
  const q = query['q'] ?? '';
  const path = apiPath(['topics'], { kind, q, offset: query['offset'], limit: PAGE_ITEMS });
  const { data, failure, refresh } = usePoll<Page<TopicSummary>>(path, POLL_MS);
  const creating = query['create'] !== undefined;
  return (
    <>
      <div class="title">
        <h1>{t('topics')}</h1>
        <div class="segments" role="group" aria-label={t('type')}>
          {KINDS.map(([id, text]) => (
            <button
              key={id}
              type="button"
              aria-pressed={kind === id}
              onClick={() => setQuery({ kind: id === 'user' ? undefined : id, offset: undefined })}
            >
              {t(text)}
            </button>
          ))}
        </div>
        <FilterBox value={q} onInput={(text) => setQuery({ q: text, offset: undefined })} />
        <button type="button" class="primary" onClick={() => setQuery({ create: '1' })}>
          {t('createTopic')}
        </button>
      </div>
      {failure ? <FailureBox failure={failure} retry={refresh} /> : null}
      <Notes notes={data?.notes} />
      {data ? <TopicTable data={data} kind={kind} q={q} /> : failure ? null : <Loading />}
      {creating ? <CreateTopicDialog onClose={() => setQuery({ create: undefined })} /> : null}
    </>
  );
}

function TopicTable({ data, kind, q }: { data: Page<TopicSummary>; kind: string; q: string }): JSX.Element {
  if (data.total === 0) {
    if (q !== '') return <Empty title={t('noTopicsMatch', { text: q })} />;
    if (kind === 'derived') return <Empty title={t('noDerived')} />;
    return (
      <Empty
        title={t('noTopics')}
        text={t('noTopicsText')}
        commands={['comet topic create orders', 'comet topic send orders --body hello']}
      />
    );
  }
  return (
    <section class="card">
      <Table
        label={t('topics')}
        columns={kind === 'derived' ? [...COLUMNS.slice(0, 1), OWNER, ...COLUMNS.slice(2)] : COLUMNS}
        rows={data.items}
        rowKey={(topic) => topic.name}
        onRow={(topic) => navigate(formatPlace(['topics', topic.name]))}
      />
      <Pager offset={data.offset} limit={data.limit} total={data.total} />
    </section>
  );
}

const GROUPS_SHOWN_MAX = 3;

const COLUMNS: readonly Column<TopicSummary>[] = [
  {
    id: 'name',
    label: t('name'),
    main: true,
    sort: (topic) => topic.name,
    cell: (topic) => <Link to={formatPlace(['topics', topic.name])}>{topic.name}</Link>,
  },
  {
    id: 'type',
    label: t('type'),
    sort: (topic) => topic.messageType,
    cell: (topic) => (topic.messageType ? <Chip>{topic.messageType}</Chip> : <Unknown why={topic.fault} />),
  },
  {
    id: 'queues',
    label: t('queues'),
    right: true,
    sort: (topic) => topic.readQueues,
    cell: (topic) => formatCount(topic.readQueues),
  },
  {
    id: 'in',
    label: `${t('inRate')}, ${t('perSecond')}`,
    right: true,
    sort: (topic) => topic.inPerSecond,
    cell: (topic) => (
      <span class={(topic.inPerSecond ?? 0) > 0 ? 'moving' : ''}>{formatRate(topic.inPerSecond)}</span>
    ),
  },
  {
    id: 'kept',
    label: t('kept'),
    right: true,
    sort: (topic) => topic.messages,
    cell: (topic) => formatCount(topic.messages),
  },
  {
    id: 'groups',
    label: t('groups'),
    sort: (topic) => topic.groups?.length,
    cell: (topic) => <GroupLinks groups={topic.groups} />,
  },
  {
    id: 'written',
    label: t('lastWrite'),
    sort: (topic) => topic.lastWriteAtMs,
    cell: (topic) => <Time atMs={topic.lastWriteAtMs} />,
  },
];

const OWNER: Column<TopicSummary> = {
  id: 'owner',
  label: t('owner'),
  sort: (topic) => topic.owner,
  cell: (topic) =>
    topic.owner === undefined ? (
      <Unknown />
    ) : (
      <Link to={formatPlace(['groups', topic.owner])}>{topic.owner}</Link>
    ),
};

function GroupLinks({ groups }: { groups: readonly string[] | undefined }): JSX.Element {
  const [all, setAll] = useState(false);
  if (!groups) return <Unknown />;
  if (groups.length === 0) return <span class="muted">{t('none')}</span>;
  const shown = all ? groups : groups.slice(0, GROUPS_SHOWN_MAX);
  return (
    <span class="links">
      {shown.map((group) => (
        <Link key={group} to={formatPlace(['groups', group])}>
          {group}
        </Link>
      ))}
      {shown.length < groups.length ? (
        <button type="button" class="quiet small" onClick={() => setAll(true)}>
          +{groups.length - shown.length}
        </button>
      ) : null}
    </span>
  );
}
