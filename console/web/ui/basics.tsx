import type { AnchorHTMLAttributes, ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiFailure } from '../logic/api.ts';
import { formatAge, formatExact, formatLocal, UNKNOWN } from '../logic/format.ts';
import { navigate } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { showToast } from './toast.tsx';

/** A link that stays in the application; a new tab works as everywhere. */
export function Link({ to, children, ...rest }: { to: string } & AnchorHTMLAttributes): JSX.Element {
  return (
    <a
      {...rest}
      href={to}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      {children}
    </a>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain';

export function Chip({
  tone = 'plain',
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <span class={`chip ${tone}`} title={title}>
      {children}
    </span>
  );
}

/** A value nobody told us, with the reason where there is one. */
export function Unknown({ why }: { why?: string | undefined }): JSX.Element {
  return (
    <span class="unknown" title={why ?? t('unknown')} aria-label={why ?? t('unknown')}>
      {UNKNOWN}
    </span>
  );
}

/** The browser's clock, a second at a time. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => {
      setNow(Date.now());
    }, 1_000);
    return () => {
      window.clearInterval(timer);
    };
  }, []);
  return now;
}

/** Local time and how long ago; the exact moment and UTC on hover. */
export function Time({
  atMs,
  relativeOnly = false,
}: {
  atMs: number | undefined;
  relativeOnly?: boolean;
}): JSX.Element {
  const now = useNow();
  if (atMs === undefined) return <Unknown />;
  const age = now - atMs;
  const past = formatAge(Math.abs(age));
  const relative = past === 'now' ? t('now') : t(age >= 0 ? 'ago' : 'inFuture', { age: past });
  return (
    <time dateTime={new Date(atMs).toISOString()} title={formatExact(atMs)}>
      {relativeOnly ? null : <span class="clock">{formatLocal(atMs, now)}</span>}{' '}
      <span class="age">{relative}</span>
    </time>
  );
}

export function CopyButton({ text, label = t('copy') }: { text: string; label?: string }): JSX.Element {
  return (
    <button
      type="button"
      class="quiet small"
      aria-label={`${label}: ${text.slice(0, 60)}`}
      onClick={() => {
        navigator.clipboard.writeText(text).then(
          () => {
            showToast('good', t('copied'));
          },
          () => {
            showToast('bad', text);
          },
        );
      }}
    >
      {label}
    </button>
  );
}

/** A line to paste into a terminal. */
export function Command({ line }: { line: string }): JSX.Element {
  return (
    <div class="command">
      <code>{line}</code>
      <CopyButton text={line} />
    </div>
  );
}

/** Says why there is nothing, and what to do next. */
export function Empty({
  title,
  text,
  commands = [],
  children,
}: {
  title: string;
  text?: string;
  commands?: readonly string[];
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <svg viewBox="0 0 64 40" aria-hidden="true">
        <path d="M4 36 44 12" class="trail" />
        <path d="M16 38 50 16" class="trail" />
        <circle cx="50" cy="10" r="7" class="head" />
      </svg>
      <h2>{title}</h2>
      {text === undefined ? null : <p>{text}</p>}
      {commands.map((line) => (
        <Command key={line} line={line} />
      ))}
      {children}
    </div>
  );
}

export function FailureBox({ failure, retry }: { failure: ApiFailure; retry?: () => void }): JSX.Element {
  return (
    <div class="failure" role="alert">
      <div>
        <strong>{failure.message}</strong>
        {failure.hint === undefined ? null : <p>{failure.hint}</p>}
        <code>{failure.code}</code>
      </div>
      {retry ? (
        <button type="button" onClick={retry}>
          {t('retry')}
        </button>
      ) : null}
    </div>
  );
}

export function Notes({ notes }: { notes: readonly string[] | undefined }): JSX.Element | null {
  if (!notes || notes.length === 0) return null;
  return (
    <ul class="notes" role="status">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

export function Loading(): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label={t('loading')}>
      <div />
      <div />
      <div />
    </div>
  );
}

export interface Tab {
  readonly id: string;
  readonly label: string;
  readonly to: string;
  readonly count?: number | undefined;
}

export function Tabs({
  tabs,
  current,
  label,
}: {
  tabs: readonly Tab[];
  current: string;
  label: string;
}): JSX.Element {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <Link key={tab.id} to={tab.to} aria-current={tab.id === current ? 'page' : undefined}>
          {tab.label}
          {tab.count === undefined ? null : <span class="count">{tab.count}</span>}
        </Link>
      ))}
    </nav>
  );
}

export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {hint === undefined ? null : <small>{hint}</small>}
    </label>
  );
}

/** Names and values in two columns. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }): JSX.Element {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
