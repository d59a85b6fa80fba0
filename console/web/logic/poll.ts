import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure, apiGet } from './api.ts';

/** `live`: answers come. `degraded`: the console answers, the cluster does not. `offline`: no console. */
export type LiveState = 'live' | 'degraded' | 'offline';

const listeners = new Set<(state: LiveState) => void>();
let liveState: LiveState = 'live';

function report(state: LiveState): void {
  if (state === liveState) return;
  liveState = state;
  for (const listener of listeners) listener(state);
}

export function useLiveState(): LiveState {
  const [state, setState] = useState(liveState);
  useEffect(() => {
    listeners.add(setState);
    return () => void listeners.delete(setState);
  }, []);
  return state;
}

export interface Polled<T> {
  readonly data: T | undefined;
  /** The last request failed; `data` is what was known before. */
  readonly failure: ApiFailure | undefined;
  readonly loading: boolean;
  readonly refresh: () => void;
}

interface State<T> {
  readonly path: string | undefined;
  readonly data: T | undefined;
  readonly failure: ApiFailure | undefined;
}

/** Asks now and then every `periodMs` while the page can be seen; 0 asks once. No path asks nothing. */
export function usePoll<T>(path: string | undefined, periodMs: number): Polled<T> {
  const [state, setState] = useState<State<T>>({ path: undefined, data: undefined, failure: undefined });
  const [turn, setTurn] = useState(0);
  const timer = useRef<number>();
  useEffect(() => {
    if (path === undefined) return;
    let stopped = false;
    const ask = async (): Promise<void> => {
      window.clearTimeout(timer.current);
      try {
        const data = await apiGet<T>(path);
        if (!stopped) setState({ path, data, failure: undefined });
        report('live');
      } catch (error) {
        const failure = failureOf(error);
        if (!stopped)
          setState((before) => ({ path, data: before.path === path ? before.data : undefined, failure }));
        if (failure.status === 0) report('offline');
        else if (failure.status >= 502) report('degraded');
      }
      if (!stopped && periodMs > 0 && !document.hidden)
        timer.current = window.setTimeout(() => void ask(), periodMs);
    };
    const wake = (): void => {
      if (!document.hidden && periodMs > 0) void ask();
    };
    void ask();
    document.addEventListener('visibilitychange', wake);
    return () => {
      stopped = true;
      window.clearTimeout(timer.current);
      document.removeEventListener('visibilitychange', wake);
    };
  }, [path, periodMs, turn]);
  const refresh = useCallback(() => {
    setTurn((before) => before + 1);
  }, []);
  const current = state.path === path;
  return {
    data: current ? state.data : undefined,
    failure: current ? state.failure : undefined,
    loading: path !== undefined && !current,
    refresh,
  };
}

export function failureOf(error: unknown): ApiFailure {
  return error instanceof ApiFailure ? error : new ApiFailure(0, 'PAGE', String(error));
}
