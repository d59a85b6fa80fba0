import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type {
  GroupDetail,
  RewindApplyRequest,
  RewindPreview,
  RewindPreviewRequest,
  RewindResult,
  RewindTarget,
} from '../../src/api-contract.ts';
import { type ApiFailure, apiPath, apiSend } from '../logic/api.ts';
import { formatAge, formatCount, toInputTime } from '../logic/format.ts';
import { failureOf } from '../logic/poll.ts';
import { setQuery, usePlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { Command, Empty, FailureBox, Field, Notes } from '../ui/basics.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { PreviewTable, ResultTable } from './rewind-tables.tsx';

const MINUTE_MS = 60_000;
const PRESETS_MINUTES = [15, 60, 24 * 60] as const;

/** Preview, confirm, result: nothing moves that was not shown. */
export function RewindPanel({ data }: { data: GroupDetail }): JSX.Element {
  const [preview, setPreview] = useState<RewindPreview>();
  const [result, setResult] = useState<RewindResult>();
  const [failure, setFailure] = useState<ApiFailure>();
  const [busy, setBusy] = useState(false);
  const look = async (request: RewindPreviewRequest): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      setPreview(
        await apiSend<RewindPreview>('POST', apiPath(['groups', data.name, 'rewind', 'preview']), request),
      );
    } catch (error) {
      setPreview(undefined);
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  const apply = async (request: RewindApplyRequest): Promise<void> => {
    try {
      setResult(await apiSend<RewindResult>('POST', apiPath(['groups', data.name, 'rewind']), request));
    } catch (error) {
      setFailure(failureOf(error));
    }
    setPreview(undefined);
  };
  if (result) {
    return (
      <section class="card">
        <p class={`answer ${result.complete ? 'good' : 'warn'}`}>
          {t(result.complete ? 'rewindDone' : 'rewindPartly')}
        </p>
        <Notes notes={result.notes} />
        <ResultTable result={result} />
        <div class="actions">
          <button type="button" onClick={() => setResult(undefined)}>
            {t('anotherRewind')}
          </button>
        </div>
      </section>
    );
  }
  if ((data.topics ?? []).length === 0) return <Empty title={t('noProgress')} text={t('noProgressText')} />;
  return (
    <>
      <RewindForm
        data={data}
        busy={busy}
        onLook={(request) => void look(request)}
        onChange={() => setPreview(undefined)}
      />
      {failure ? <FailureBox failure={failure} /> : null}
      {preview ? <Preview preview={preview} onApply={apply} /> : null}
    </>
  );
}

interface FormProps {
  readonly data: GroupDetail;
  readonly busy: boolean;
  readonly onLook: (request: RewindPreviewRequest) => void;
  readonly onChange: () => void;
}

function RewindForm({ data, busy, onLook, onChange }: FormProps): JSX.Element {
  const { query } = usePlace();
  const topics = data.topics ?? [];
  const topic = query['topic'] ?? topics[0] ?? '';
  const kind = query['to'] === 'earliest' || query['to'] === 'latest' ? query['to'] : 'time';
  const [time, setTime] = useState(() => toInputTime(Date.now() - 60 * MINUTE_MS));
  useEffect(onChange, [topic, kind, time]);
  const target: RewindTarget = kind === 'time' ? { kind, atMs: new Date(time).getTime() } : { kind };
  const argument = kind === 'time' ? String(new Date(time).getTime()) : kind;
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault();
        onLook({ topic, target });
      }}
    >
      <h2>{t('rewindTitle')}</h2>
      <p class="muted">{t('rewindText')}</p>
      <div class="row">
        <Field label={t('topic')}>
          <select value={topic} onChange={(event) => setQuery({ topic: event.currentTarget.value })}>
            {topics.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </Field>
        <Field label={t('moveTo')}>
          <select value={kind} onChange={(event) => setQuery({ to: event.currentTarget.value })}>
            <option value="time">{t('toTime')}</option>
            <option value="earliest">{t('toEarliest')}</option>
            <option value="latest">{t('toLatest')}</option>
          </select>
        </Field>
        {kind === 'time' ? (
          <>
            <Field label={t('toTime')}>
              <input
                type="datetime-local"
                step={1}
                required
                value={time}
                onInput={(event) => setTime(event.currentTarget.value)}
              />
            </Field>
            <span class="presets">
              {PRESETS_MINUTES.map((minutes) => (
                <button
                  key={minutes}
                  type="button"
                  class="small"
                  onClick={() => setTime(toInputTime(Date.now() - minutes * MINUTE_MS))}
                >
                  {minutes < 60
                    ? t('minutesAgo', { count: minutes })
                    : t('hoursAgo', { count: minutes / 60 })}
                </button>
              ))}
            </span>
          </>
        ) : null}
        <button type="submit" class="primary" disabled={busy}>
          {t(busy ? 'previewing' : 'preview')}
        </button>
      </div>
      <Command line={`comet offset reset ${data.name} --topic ${topic} --to ${argument} --dry-run`} />
    </form>
  );
}

function Preview({
  preview,
  onApply,
}: {
  preview: RewindPreview;
  onApply: (request: RewindApplyRequest) => Promise<void>;
}): JSX.Element {
  const [confirming, setConfirming] = useState(false);
  const leftMs = useCountdown(preview.expiresAtMs);
  const { group, topic, replayed, skipped, onlineClients, path, token } = preview;
  const moves = preview.queues.some((queue) => queue.from !== queue.to);
  return (
    <section class="card">
      <header>
        <h2>{t('preview')}</h2>
        <small>{leftMs > 0 ? t('expiresIn', { age: formatAge(leftMs) }) : t('expired')}</small>
      </header>
      <div class="summary">
        {replayed > 0 ? (
          <strong class="replay">{t('replaySummary', { count: formatCount(replayed) })}</strong>
        ) : null}
        {skipped > 0 ? (
          <strong class="skipped">{t('skipSummary', { count: formatCount(skipped) })}</strong>
        ) : null}
        {moves ? null : <strong>{t('nothingMoves')}</strong>}
        <span class="muted">
          {path === 'online' ? t('pathOnline', { count: onlineClients }) : t('pathOffline')}
        </span>
      </div>
      <PreviewTable preview={preview} />
      <div class="actions">
        <button
          type="button"
          class="danger"
          disabled={!moves || leftMs <= 0}
          onClick={() => setConfirming(true)}
        >
          {t('apply')}
        </button>
      </div>
      {confirming ? (
        <ConfirmDialog
          title={t('apply')}
          text={t('confirmRewind', { group, topic })}
          name={group}
          action={t('apply')}
          onClose={() => setConfirming(false)}
          onConfirm={(typed) => onApply({ token, confirm: typed })}
        >
          <p>
            {replayed > 0 ? (
              <strong class="replay">{t('replaySummary', { count: formatCount(replayed) })}. </strong>
            ) : null}
            {skipped > 0 ? (
              <strong class="skipped">{t('skipSummary', { count: formatCount(skipped) })}.</strong>
            ) : null}
          </p>
        </ConfirmDialog>
      ) : null}
    </section>
  );
}

function useCountdown(untilMs: number): number {
  const [left, setLeft] = useState(untilMs - Date.now());
  useEffect(() => {
    const update = (): void => {
      setLeft(untilMs - Date.now());
    };
    update();
    const timer = window.setInterval(update, 1_000);
    return () => {
      window.clearInterval(timer);
    };
  }, [untilMs]);
  return left;
}
