import type { JSX } from 'preact';
import { t } from '../logic/texts.ts';
import { Link } from '../ui/basics.tsx';

const PAGES = [
  { page: '', to: '/', text: 'overview', icon: 'M2 9l6-6 6 6M4 8v6h8V8' },
  { page: 'topics', to: '/topics', text: 'topics', icon: 'M2 4h12M2 8h12M2 12h8' },
  {
    page: 'groups',
    to: '/groups',
    text: 'groups',
    icon: 'M6 7a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.5 14a4.5 4.5 0 0 1 9 0M11 7.5a2 2 0 1 0 0-4M12 10a4 4 0 0 1 3 4',
  },
  { page: 'messages', to: '/messages', text: 'messages', icon: 'M2 3h12v9H8l-3 3v-3H2z' },
] as const;

export function Navigation({ page }: { page: string }): JSX.Element {
  return (
    <nav class="side" aria-label="CometMQ">
      {PAGES.map((entry) => (
        <Link key={entry.page} to={entry.to} aria-current={entry.page === page ? 'page' : undefined}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d={entry.icon} />
          </svg>
          <span>{t(entry.text)}</span>
        </Link>
      ))}
    </nav>
  );
}
