import type { Schema } from './schemas.ts';

export type Method = 'GET' | 'POST' | 'DELETE';

export interface RouteInput<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

/** One operation of the API as data: the router serves it, and its description can be generated from it. */
export interface Route<P = unknown, Q = unknown, B = unknown> {
  readonly method: Method;
  /** Below `/api/v1`, with `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  readonly params: Schema<P>;
  readonly query: Schema<Q>;
  /** Only for methods that change something. */
  readonly body?: Schema<B>;
  /** 200 unless given. */
  readonly status?: number;
  readonly handle: (input: RouteInput<P, Q, B>) => Promise<object>;
}

/** Checks that the schemas fit the handler, then forgets the types: the router works with checked values. */
export function route<P, Q, B = undefined>(definition: Route<P, Q, B>): Route {
  return definition as Route;
}
