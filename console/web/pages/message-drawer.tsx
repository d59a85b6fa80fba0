import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { MessageDetail } from '../../src/api-contract.ts';
import { apiPath } from '../logic/api.ts';
import { bestForm, type BodyForm, bytesOf, hexDump, prettyJson, textOf } from '../logic/body.ts';
import { formatBytes, formatCount, formatDuration, formatExact } from '../logic/format.ts';
import type { MessagePlace } from '../logic/message-search.ts';
import { usePoll } from '../logic/poll.ts';
import { formatPlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Chip, CopyButton, FailureBox, Facts, Link, Loading, Time } from '../ui/basics.tsx';
import { Dialog } from '../ui/dialog.tsx';

/** Everything that is known of one message. */
export function MessageDrawer({ place, onClose }: { place: MessagePlace; onClose: () => void }): JSX.Element {
  const { topic, broker, queueId, queueOffset } = place;
  const path = apiPath(['messages', 'detail'], { topic, broker, queueId, offset: queueOffset });
  const { data, failure, refresh } = usePoll<MessageDetail>(path, 0);
  const title = data && data.keys.length > 0 ? data.keys.join(' ') : (data?.messageId ?? t('message'));
  return (
    <Dialog kind="drawer" title={title} onClose={onClose}>
      {failure ? <FailureBox failure={failure} retry={refresh} /> : null}
      {data ? <Detail message={data} /> : failure ? null : <Loading />}
    </Dialog>
  );
}

function Detail({ message }: { message: MessageDetail }): JSX.Element {
  return (
    <>
      <div class="row">
        <Link to={formatPlace(['topics', message.topic])}>{message.topic}</Link>
        {message.tag === undefined ? null : <Chip>{message.tag}</Chip>}
        {message.transactional ? <Chip tone="info">{t('transactional')}</Chip> : null}
        {message.reconsumeTimes > 0 ? (
          <Chip tone="warn">
            {t('reconsumed')}: {message.reconsumeTimes}
          </Chip>
        ) : null}
        {message.compressed ? <Chip>{t('wasCompressed')}</Chip> : null}
      </div>
      <Body message={message} />
      <h3>{t('timings')}</h3>
      <Facts
        facts={[
          [t('born'), <Moment key="born" atMs={message.bornAtMs} />],
          [t('stored'), <Moment key="stored" atMs={message.storedAtMs} />],
          [t('storeDelay'), storeDelay(message)],
          ...(message.deliverAtMs === undefined
            ? []
            : [[t('deliver'), <Moment key="deliver" atMs={message.deliverAtMs} />] as const]),
        ]}
      />
      <h3>{t('userProperties')}</h3>
      <Properties properties={message.userProperties} />
      <h3>{t('place')}</h3>
      <Facts
        facts={[
          [t('messageId'), <Copyable key="id" text={message.messageId} />],
          ...(message.offsetMessageId === message.messageId
            ? []
            : [[t('offsetId'), <Copyable key="offset" text={message.offsetMessageId} />] as const]),
          [t('queue'), `${message.broker}/${message.queueId} @ ${message.queueOffset}`],
          [t('physicalOffset'), `${formatCount(message.physicalOffset)} (${formatBytes(message.sizeBytes)})`],
          [t('bornHost'), message.bornHost],
          [t('storeHost'), message.storeHost],
          [t('crc'), message.bodyCrc >>> 0],
          [t('reconsumed'), message.reconsumeTimes],
        ]}
      />
      <h3>{t('systemProperties')}</h3>
      <Properties properties={message.systemProperties} />
    </>
  );
}

/** The two clocks are of two machines: a negative difference is shown as it is. */
function storeDelay({ bornAtMs, storedAtMs }: MessageDetail): string {
  const ms = storedAtMs - bornAtMs;
  return ms < 0 ? `−${formatDuration(-ms)}` : formatDuration(ms);
}

function Moment({ atMs }: { atMs: number }): JSX.Element {
  return (
    <>
      {formatExact(atMs).split('  ')[0]} <Time atMs={atMs} relativeOnly />
    </>
  );
}

function Copyable({ text }: { text: string }): JSX.Element {
  return (
    <>
      <code>{text}</code> <CopyButton text={text} />
    </>
  );
}

function Properties({ properties }: { properties: Readonly<Record<string, string>> }): JSX.Element {
  const entries = Object.entries(properties);
  if (entries.length === 0) return <p class="muted">{t('noProperties')}</p>;
  return <Facts facts={entries.map(([name, value]) => [name, <span key={name}>{value}</span>])} />;
}

const FORM_TEXT = { json: 'formJson', text: 'formText', hex: 'formHex' } as const;

function Body({ message }: { message: MessageDetail }): JSX.Element {
  const bytes = useMemo(() => bytesOf(message.bodyBase64), [message.bodyBase64]);
  const text = useMemo(() => textOf(bytes), [bytes]);
  const json = useMemo(() => (text === undefined ? undefined : prettyJson(text)), [text]);
  const [chosen, setChosen] = useState<BodyForm>();
  const form = chosen ?? bestForm(bytes);
  const forms: readonly BodyForm[] = [
    ...(json === undefined ? [] : ['json' as const]),
    ...(text === undefined ? [] : ['text' as const]),
    'hex',
  ];
  const shown = form === 'json' ? (json ?? '') : form === 'text' ? (text ?? '') : hexDump(bytes);
  return (
    <section class="body">
      <header>
        <h3>{t('body')}</h3>
        <span class="muted">{formatBytes(message.bodyBytes)}</span>
        <span class="grow" />
        <span class="segments" role="group" aria-label={t('body')}>
          {forms.map((one) => (
            <button key={one} type="button" aria-pressed={form === one} onClick={() => setChosen(one)}>
              {t(FORM_TEXT[one])}
            </button>
          ))}
        </span>
        <CopyButton text={shown} />
      </header>
      {message.bodyDamaged ? <p class="notes">{t('damaged')}</p> : null}
      {message.bodyTruncated ? (
        <p class="notes">
          {t('truncated', { shown: formatBytes(bytes.length), size: formatBytes(message.bodyBytes) })}
        </p>
      ) : null}
      {bytes.length === 0 ? <p class="muted">{t('emptyBody')}</p> : <pre tabIndex={0}>{shown}</pre>}
    </section>
  );
}
