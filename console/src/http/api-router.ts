import { Router } from '@koa/router';
import type { Route } from '../api/route.ts';
import { check, type Schema } from '../api/schemas.ts';
import { LIMITS } from '../view/limits.ts';
import { HttpError } from './api-error.ts';
import { readJsonBody } from './json-body.ts';

const PREFIX = '/api/v1';

/** Puts the routes under `/api/v1`. Input is checked before a handler sees it. */
export function apiRouter(routes: readonly Route[]): Router {
  const router = new Router({ prefix: PREFIX });
  for (const route of routes) {
    router.register(route.path.replace(/\{(\w+)\}/g, ':$1'), [route.method], async (ctx) => {
      const params = accept(route.params, ctx['params']);
      const query = accept(route.query, singleValues(ctx.query));
      const body = route.body && accept(route.body, await readJsonBody(ctx.req, LIMITS.requestBodyBytesMax));
      ctx.body = await route.handle({ params, query, body });
      ctx.status = route.status ?? 200;
    });
  }
  return router;
}

function accept<T>(schema: Schema<T>, value: unknown): T {
  const checked = check(schema, value);
  if (checked.ok) return checked.value;
  throw new HttpError(400, 'INVALID_ARGUMENT', checked.fault);
}

/** `?a=1&a=2` is a mistake here, not a list. */
function singleValues(query: NodeJS.Dict<string | string[]>): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string')
      throw new HttpError(400, 'INVALID_ARGUMENT', `${name} is given more than once.`);
    if (value !== '') values[name] = value;
  }
  return values;
}
