import { useEffect, useMemo, useState } from 'preact/hooks';
import type { MessageList } from '../../src/api-contract.ts';
import { type ApiFailure, apiGet } from './api.ts';
import { searchPaths } from './message-search.ts';
import { failureOf } from './poll.ts';

interface Search {
  readonly lists: readonly MessageList[];
  readonly failure: ApiFailure | undefined;
  readonly loading: boolean;
  readonly more: (() => void) | undefined;
}

/** Asks one path after the other until something is found; keeps pages that were asked for. */
export function useSearch(query: Readonly<Record<string, string>>): Search | undefined {
  const { open: _open, sort: _sort, ...question } = query;
  const questionText = JSON.stringify(question);
  const paths = useMemo(() => searchPaths(question, Date.now()), [questionText]);
  const [lists, setLists] = useState<readonly MessageList[]>([]);
  const [failure, setFailure] = useState<ApiFailure>();
  const [loading, setLoading] = useState(false);
  const [foundBy, setFoundBy] = useState('');
  const run = async (
    asked: readonly string[],
    before: readonly MessageList[],
    stopped: () => boolean,
  ): Promise<void> => {
    setLoading(true);
    setFailure(undefined);
    for (const path of asked) {
      try {
        const list = await apiGet<MessageList>(path);
        if (stopped()) return;
        setLists([...before, list]);
        setFoundBy(path);
        if (list.matched > 0) break;
      } catch (error) {
        if (stopped()) return;
        setFailure(failureOf(error));
        break;
      }
    }
    setLoading(false);
  };
  useEffect(() => {
    let stopped = false;
    setLists([]);
    if (paths.length > 0) void run(paths, [], () => stopped);
    return () => {
      stopped = true;
    };
  }, [paths]);
  if (paths.length === 0) return undefined;
  const next = lists.at(-1)?.nextCursor;
  const more =
    next === undefined || loading
      ? undefined
      : (): void => void run([withCursor(foundBy, next)], lists, () => false);
  return { lists, failure, loading, more };
}

/** Reading on in a queue is another offset; in time it is a cursor. */
function withCursor(path: string, cursor: string): string {
  const [base = '', search] = path.split('?');
  const query = new URLSearchParams(search);
  query.set(base.endsWith('by-offset') ? 'offset' : 'cursor', cursor);
  return `${base}?${query.toString()}`;
}
