import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ChangeResult, TopicDetail } from '../../src/api-contract.ts';
import { apiPath, apiSend } from '../logic/api.ts';
import { formatRate, formatShort } from '../logic/format.ts';
import { failureOf, usePoll } from '../logic/poll.ts';
import { formatPlace, navigate } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, FailureBox, Link, Loading, Notes, Tabs, Time } from '../ui/basics.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { Tile } from '../ui/tile.tsx';
import { showToast } from '../ui/toast.tsx';
import { Consumers, Producers, Queues, Route } from './topic-tabs.tsx';

const POLL_MS = 2_000;

export function TopicDetailPage({
  name,
  tab = 'queues',
}: {
  name: string;
  tab?: string | undefined;
}): JSX.Element {
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
  const lag = consumers.every((one) => one.lag !== undefined)
    ? consumers.reduce((sum, one) => sum + (one.lag ?? 0), 0)
    : undefined;
  const at = (id: string): string => formatPlace(['topics', name, id]);
  return (
    <>
      <div class="tiles">
        <Tile
          label={t('inRate')}
          value={data.inPerSecond === undefined ? undefined : formatRate(data.inPerSecond)}
          unit={t('perSecond')}
        />
        <Tile
          label={t('kept')}
          value={data.messages === undefined ? undefined : formatShort(data.messages)}
        />
        <Tile
          label={t('queues')}
          value={data.readQueues === undefined ? undefined : String(data.readQueues)}
          note={route.map((entry) => `${entry.broker} ${entry.readQueues}`).join(', ')}
        />
        <Tile
          label={t('lag')}
          to={at('consumers')}
          value={lag === undefined ? undefined : formatShort(lag)}
          note={consumers.length === 1 ? t('ofOneGroup') : t('ofGroups', { count: consumers.length })}
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
    <ConfirmDialog
      title={t('deleteTopic')}
      text={t('deleteTopicText')}
      name={name}
      action={t('delete')}
      onClose={onClose}
      onConfirm={confirm}
    />
  );
}
