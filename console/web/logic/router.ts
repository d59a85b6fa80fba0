import { useEffect, useState } from 'preact/hooks';

/** Where the reader is. Everything a page shows follows from it, so that any view can be shared as a link. */
export interface Place {
  readonly segments: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** Reads a path with its query, for example `/groups/billing/rewind?topic=orders`. */
export function parsePlace(url: string): Place {
  const [path = '', search = ''] = url.split('#')[0]?.split('?', 2) ?? [];
  const segments = path.split('/').filter((segment) => segment !== '');
  return { segments: segments.map(decodeSegment), query: Object.fromEntries(new URLSearchParams(search)) };
}

/** Empty and missing values are left out of the query. */
export function formatPlace(
  segments: readonly string[],
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `/${segments.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const listeners = new Set<() => void>();

function currentUrl(): string {
  return window.location.pathname + window.location.search;
}

export function navigate(url: string, options: { replace?: boolean } = {}): void {
  if (url === currentUrl()) return;
  const samePath = url.split('?')[0] === window.location.pathname;
  if (options.replace) window.history.replaceState(null, '', url);
  else window.history.pushState(null, '', url);
  if (!samePath) window.scrollTo(0, 0);
  for (const listener of listeners) listener();
}

/** Changes parts of the query; undefined removes one. Filters replace the entry, so that Back leaves the page. */
export function setQuery(
  change: Readonly<Record<string, string | undefined>>,
  options = { replace: true },
): void {
  const { segments, query } = parsePlace(currentUrl());
  navigate(formatPlace(segments, { ...query, ...change }), options);
}

export function usePlace(): Place {
  const [url, setUrl] = useState(currentUrl);
  useEffect(() => {
    const update = (): void => {
      setUrl(currentUrl());
    };
    listeners.add(update);
    window.addEventListener('popstate', update);
    update();
    return () => {
      listeners.delete(update);
      window.removeEventListener('popstate', update);
    };
  }, []);
  return parsePlace(url);
}
