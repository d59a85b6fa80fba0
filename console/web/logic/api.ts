import type { ApiErrorBody } from '../../src/api-contract.ts';

const BASE = '/api/v1';
const TIMEOUT_MS = 20_000;

/** A refusal by the console, or its silence. */
export class ApiFailure extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  /** 0 when the console could not be reached. */
  readonly status: number;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/topics/{0}` style templates keep names with slashes and percent signs safe. */
export function apiPath(parts: readonly string[], query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `/${parts.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

export function apiGet<T>(path: string): Promise<T> {
  return request<T>('GET', path);
}

export function apiSend<T>(method: 'POST' | 'DELETE', path: string, body: object): Promise<T> {
  return request<T>(method, path, body);
}

async function request<T>(method: string, path: string, body?: object): Promise<T> {
  const init: RequestInit = { method, signal: AbortSignal.timeout(TIMEOUT_MS) };
  if (body) {
    init.body = JSON.stringify(body);
    init.headers = { 'content-type': 'application/json' };
  }
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(BASE + path, init);
    answer = await response.json();
  } catch {
    throw new ApiFailure(
      0,
      'OFFLINE',
      'The console does not answer.',
      'Is it still running? It was started with: comet dev',
    );
  }
  if (response.ok) return answer as T;
  const { code, message, hint } = (answer as ApiErrorBody).error;
  throw new ApiFailure(response.status, code, message, hint);
}
