import type { JSX } from 'preact';
import type {
  GroupSummary,
  MessageList,
  MessageSummary,
  Page,
  TopicSummary,
} from '../../src/api-contract.ts';
import { apiPath } from '../logic/api.ts';
import { formatBytes } from '../logic/format.ts';
import { formatOpen, MODES, type MessageMode, modeOf, parseOpen } from '../logic/message-search.ts';
import { usePoll } from '../logic/poll.ts';
import { formatPlace, setQuery, usePlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { useSearch } from '../logic/use-search.ts';
import { Chip, Empty, FailureBox, Link, Loading, Notes, Tabs, Time, Unknown } from '../ui/basics.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { MessageDrawer } from './message-drawer.tsx';
import { MessageForm } from './message-form.tsx';

const MODE_TEXT = {
  find: 'modeFind',
  key: 'modeKey',
  id: 'modeId',
  time: 'modeTime',
  offset: 'modeOffset',
} as const;

export function MessagesPage(): JSX.Element {
  const { query } = usePlace();
  const mode = modeOf(query);
  const open = parseOpen(query['open']);
  const close = (): void => setQuery({ open: undefined });
  return (
    <>
      <div class="title">
        <h1>{t('messages')}</h1>
      </div>
      <Tabs
        label={t('messages')}
        current={mode}
        tabs={MODES.filter((one) => one !== 'key' && one !== 'id').map((one) => ({
          id: one,
          label: t(MODE_TEXT[one]),
          to: formatPlace(['messages'], { mode: one === 'find' ? undefined : one, topic: query['topic'] }),
        }))}
      />
      <MessageForm key={`${mode} ${query['q'] ?? ''}`} mode={mode} query={query} />
      <Results mode={mode} query={query} />
      {open ? <MessageDrawer place={open} onClose={close} /> : null}
    </>
  );
}

function Results({
  mode,
  query,
}: {
  mode: MessageMode;
  query: Readonly<Record<string, string>>;
}): JSX.Element {
  const search = useSearch(query);
  if (!search)
    return (
      <Empty
        title={t('askFirst')}
        text={t('askFirstText')}
        commands={['comet message find --key <order number>']}
      />
    );
  const { lists, failure, loading, more } = search;
  const items = lists.flatMap((list) => list.items);
  const last = lists.at(-1);
  return (
    <>
      {failure ? <FailureBox failure={failure} /> : null}
      {last ? <Completeness lists={lists} last={last} /> : null}
      {items.length > 0 ? (
        <section class="card">
          <Table
            label={t('messages')}
            columns={COLUMNS}
            rows={items}
            rowKey={formatOpen}
            onRow={(message) => setQuery({ open: formatOpen(message) }, { replace: false })}
          />
        </section>
      ) : null}
      {loading ? <Loading /> : null}
      {more ? (
        <div class="actions">
          <button type="button" onClick={more}>
            {t(mode === 'offset' ? 'further' : 'older')}
          </button>
        </div>
      ) : null}
      {items.length === 0 && last && !loading ? <NothingFound mode={mode} query={query} /> : null}
      {mode === 'find' ? <NamedSo text={query['q'] ?? ''} /> : null}
    </>
  );
}

function Completeness({ lists, last }: { lists: readonly MessageList[]; last: MessageList }): JSX.Element {
  const scanned = lists.reduce((sum, list) => sum + list.scanned, 0);
  const matched = lists.reduce((sum, list) => sum + list.matched, 0);
  // A page of a longer list is no failure; a bound or a silent broker is, and has a note.
  const more = last.nextCursor !== undefined && last.notes.length === 0;
  const [tone, text] = more
    ? (['info', 'thereIsMore'] as const)
    : last.complete
      ? (['good', 'complete'] as const)
      : (['warn', 'incomplete'] as const);
  return (
    <>
      <p class="completeness" role="status">
        <Chip tone={tone}>{t(text)}</Chip> {t('scannedMatched', { matched, scanned })}
      </p>
      <Notes notes={last.notes} />
    </>
  );
}

function NothingFound({
  mode,
  query,
}: {
  mode: MessageMode;
  query: Readonly<Record<string, string>>;
}): JSX.Element {
  if (mode === 'time' || mode === 'offset') return <Empty title={t('noMatch')} text={t('noMatchTime')} />;
  const text = query['q'] ?? query['key'] ?? query['id'] ?? '';
  return (
    <Empty
      title={t('noMatch')}
      text={t('noMatchKey', { text })}
      commands={[`comet message find --key ${text} --all-topics`]}
    />
  );
}

/** The search box also finds topics and groups, below the messages. */
function NamedSo({ text }: { text: string }): JSX.Element | null {
  const short = text.length > 1 && text.length < 128;
  const topics =
    usePoll<Page<TopicSummary>>(
      short ? apiPath(['topics'], { kind: 'all', q: text, limit: 8 }) : undefined,
      0,
    ).data?.items ?? [];
  const groups =
    usePoll<Page<GroupSummary>>(
      short ? apiPath(['groups'], { system: true, q: text, limit: 8 }) : undefined,
      0,
    ).data?.items ?? [];
  if (topics.length === 0 && groups.length === 0) return null;
  return (
    <section class="card named">
      {topics.length > 0 ? (
        <>
          <h2>{t('alsoTopics')}</h2>
          <span class="links">
            {topics.map(({ name }) => (
              <Link key={name} to={formatPlace(['topics', name])}>
                {name}
              </Link>
            ))}
          </span>
        </>
      ) : null}
      {groups.length > 0 ? (
        <>
          <h2>{t('alsoGroups')}</h2>
          <span class="links">
            {groups.map(({ name }) => (
              <Link key={name} to={formatPlace(['groups', name])}>
                {name}
              </Link>
            ))}
          </span>
        </>
      ) : null}
    </section>
  );
}

const COLUMNS: readonly Column<MessageSummary>[] = [
  {
    id: 'stored',
    label: t('stored'),
    sort: (message) => message.storedAtMs,
    cell: (message) => <Time atMs={message.storedAtMs} />,
  },
  {
    id: 'keys',
    label: t('keys'),
    main: true,
    sort: (message) => message.keys[0],
    cell: (message) => (
      <button
        type="button"
        class="link mono"
        onClick={() => setQuery({ open: formatOpen(message) }, { replace: false })}
      >
        {message.keys.length > 0 ? message.keys.join(' ') : message.messageId}
      </button>
    ),
  },
  {
    id: 'topic',
    label: t('topic'),
    sort: (message) => message.topic,
    cell: (message) => <Link to={formatPlace(['topics', message.topic])}>{message.topic}</Link>,
  },
  {
    id: 'tag',
    label: t('tag'),
    sort: (message) => message.tag,
    cell: (message) => (message.tag === undefined ? <Unknown why={t('none')} /> : <Chip>{message.tag}</Chip>),
  },
  {
    id: 'place',
    label: t('place'),
    sort: formatOpen,
    cell: (message) => (
      <span class="mono muted">
        {message.broker}/{message.queueId} @{message.queueOffset}
      </span>
    ),
  },
  {
    id: 'size',
    label: t('size'),
    right: true,
    sort: (message) => message.bodyBytes,
    cell: (message) => formatBytes(message.bodyBytes),
  },
  {
    id: 'body',
    label: t('body'),
    cell: (message) => <span class="body-preview mono">{message.bodyPreview ?? <Unknown />}</span>,
  },
];
