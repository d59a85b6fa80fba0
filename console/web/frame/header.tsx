import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLiveState } from '../logic/poll.ts';
import { formatPlace, navigate, usePlace } from '../logic/router.ts';
import { t } from '../logic/texts.ts';
import { applyTheme, storedTheme, type Theme, THEMES } from '../logic/theme.ts';
import { Link } from '../ui/basics.tsx';

export function Header({ onHelp }: { onHelp: () => void }): JSX.Element {
  return (
    <header class="top">
      <Link to="/" class="logo" aria-label="CometMQ">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <defs>
            <linearGradient id="tail" x1="0" y1="1" x2="1" y2="0">
              <stop offset="0" stop-color="var(--accent)" stop-opacity="0" />
              <stop offset="1" stop-color="var(--accent)" />
            </linearGradient>
          </defs>
          <path d="M2 30 19 8a6 6 0 0 1 8 8z" fill="url(#tail)" />
          <circle cx="22.5" cy="9.5" r="6" fill="var(--accent)" />
        </svg>
        <span>CometMQ</span>
      </Link>
      <SearchBox />
      <LiveDot />
      <ThemeButton />
      <button
        type="button"
        class="quiet help"
        aria-label={t('help')}
        title={`${t('help')} (?)`}
        onClick={onHelp}
      >
        ?
      </button>
    </header>
  );
}

/** Takes an order number before anything else: that is what people have in their hands. */
function SearchBox(): JSX.Element {
  const { segments, query } = usePlace();
  const shown = segments[0] === 'messages' ? (query['q'] ?? '') : '';
  const [text, setText] = useState(shown);
  useEffect(() => {
    setText(shown);
  }, [shown]);
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const q = text.trim();
        if (q !== '') navigate(formatPlace(['messages'], { q }));
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.5 10.5 3.5 3.5" />
      </svg>
      <input
        id="search"
        type="search"
        autoComplete="off"
        spellcheck={false}
        placeholder={t('searchHint')}
        aria-label={t('searchTitle')}
        title={t('searchTitle')}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
}

function LiveDot(): JSX.Element {
  const state = useLiveState();
  const title = t(state === 'live' ? 'liveTitle' : state === 'degraded' ? 'degradedTitle' : 'offlineTitle');
  return (
    <span class={`live ${state}`} role="status" title={title} aria-label={t(state)}>
      <i aria-hidden="true" />
      <span>{t(state)}</span>
    </span>
  );
}

const THEME_TEXT = { system: 'themeSystem', light: 'themeLight', dark: 'themeDark' } as const;
const THEME_SIGN = { system: '◐', light: '☀', dark: '☾' } as const;

function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  const label = t(THEME_TEXT[theme]);
  return (
    <button
      type="button"
      class="quiet"
      aria-label={label}
      title={label}
      onClick={() => {
        const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
        applyTheme(next);
        setTheme(next);
      }}
    >
      {THEME_SIGN[theme]}
    </button>
  );
}
