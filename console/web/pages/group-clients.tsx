import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ClientRunningInfo, ConsumerClientView, GroupDetail } from '../../src/api-contract.ts';
import { apiPath } from '../logic/api.ts';
import { formatRate } from '../logic/format.ts';
import { usePoll } from '../logic/poll.ts';
import { setQuery, usePlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Empty, FailureBox, Facts, Loading } from '../ui/basics.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { type Column, Table } from '../ui/table.tsx';

const COLUMNS: readonly Column<ConsumerClientView>[] = [
  {
    id: 'client',
    label: t('client'),
    main: true,
    sort: (one) => one.clientId,
    cell: (one) => <code>{one.clientId}</code>,
  },
  { id: 'address', label: t('address'), cell: (one) => <code>{one.address}</code> },
  { id: 'language', label: t('language'), sort: (one) => one.language, cell: (one) => one.language },
  { id: 'version', label: t('version'), sort: (one) => one.version, cell: (one) => one.version },
  {
    id: 'ask',
    label: '',
    right: true,
    cell: (one) => (
      <button
        type="button"
        class="small"
        onClick={() => setQuery({ client: one.clientId }, { replace: false })}
      >
        {t('askClient')}
      </button>
    ),
  },
];

export function GroupClients({ data }: { data: GroupDetail }): JSX.Element {
  const { query } = usePlace();
  const client = query['client'];
  if (data.connections.length === 0) return <Empty title={t('noClients')} text={t('noClientsText')} />;
  return (
    <section class="card">
      <Table label={t('clients')} columns={COLUMNS} rows={data.connections} rowKey={(one) => one.clientId} />
      {client === undefined ? null : <ClientDrawer group={data.name} client={client} />}
    </section>
  );
}

/** Asked when opened and not again: an answer costs the client time. */
function ClientDrawer({ group, client }: { group: string; client: string }): JSX.Element {
  const [stack, setStack] = useState(false);
  const path = apiPath(['groups', group, 'clients', client], { stack });
  const { data, failure, refresh } = usePoll<ClientRunningInfo>(path, 0);
  return (
    <Dialog kind="drawer" title={client} onClose={() => setQuery({ client: undefined })}>
      <div class="row">
        <button type="button" onClick={refresh}>
          {t('askClient')}
        </button>
        <label class="switch">
          <input
            type="checkbox"
            checked={stack}
            onChange={(event) => setStack(event.currentTarget.checked)}
          />
          {t('withStack')}
        </label>
      </div>
      {failure ? <FailureBox failure={failure} retry={refresh} /> : null}
      {data ? <Info data={data} /> : failure ? null : <Loading />}
    </Dialog>
  );
}

function Info({ data }: { data: ClientRunningInfo }): JSX.Element {
  return (
    <>
      {data.rates.length === 0 ? null : (
        <>
          <h3>{t('rates')}</h3>
          <Table
            label={t('rates')}
            rows={data.rates}
            rowKey={(rate) => rate.topic}
            columns={[
              { id: 'topic', label: t('topic'), main: true, cell: (rate) => rate.topic },
              { id: 'ok', label: 'OK/s', right: true, cell: (rate) => formatRate(rate.consumeOKTPS) },
              {
                id: 'failed',
                label: 'failed/s',
                right: true,
                cell: (rate) => formatRate(rate.consumeFailedTPS),
              },
              { id: 'rt', label: 'ms', right: true, cell: (rate) => rate.consumeRT.toFixed(1) },
            ]}
          />
        </>
      )}
      <h3>{t('queues')}</h3>
      {data.queues.map(({ queue, info }) => (
        <details key={queue}>
          <summary class="mono">{queue}</summary>
          <Facts facts={Object.entries(info).map(([name, value]) => [name, String(value)])} />
        </details>
      ))}
      <h3>{t('properties')}</h3>
      <Facts facts={Object.entries(data.properties)} />
      {data.stack === undefined ? null : (
        <>
          <h3>{t('stack')}</h3>
          <pre>{data.stack}</pre>
        </>
      )}
    </>
  );
}
