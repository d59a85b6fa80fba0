import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '@cometmq/common/logging/logger';
import Koa from 'koa';
import type { Route } from '../api/route.ts';
import type { StaticFiles } from './static-files.ts';
import { errorAnswer, HttpError } from './api-error.ts';
import { apiRouter } from './api-router.ts';
import type { RequestGuard } from './request-guard.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

export interface KoaAppParts {
  readonly log: Logger;
  readonly guard: RequestGuard;
  readonly files: StaticFiles;
  readonly routes: readonly Route[];
}

/** The request's way: headers, guard, API, pages. */
export function koaApp({
  log,
  guard,
  files,
  routes,
}: KoaAppParts): (request: IncomingMessage, response: ServerResponse) => void {
  const app = new Koa();
  app.on('error', (error: Error) => {
    log.debug({ error: error.message }, 'the browser went away');
  });
  app.use(async (ctx, next) => {
    ctx.set(SECURITY_HEADERS);
    ctx.set('Cache-Control', 'no-store');
    try {
      guard.check({
        method: ctx.method,
        host: ctx.get('host') || undefined,
        origin: ctx.get('origin') || undefined,
        fetchSite: ctx.get('sec-fetch-site') || undefined,
        fetchMode: ctx.get('sec-fetch-mode') || undefined,
        contentType: ctx.get('content-type') || undefined,
      });
      await next();
    } catch (error) {
      const { status, body, expected } = errorAnswer(error);
      if (!expected) log.error({ error, method: ctx.method, path: ctx.path }, 'the console failed');
      ctx.status = status;
      ctx.body = body;
    }
  });
  app.use(apiRouter(routes).routes());
  app.use((ctx) => {
    if (ctx.path === '/api' || ctx.path.startsWith('/api/')) {
      throw new HttpError(
        404,
        'NO_SUCH_ROUTE',
        `There is no ${ctx.method} ${ctx.path}.`,
        'docs/console.md lists the routes.',
      );
    }
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD')
      throw new HttpError(405, 'METHOD_NOT_ALLOWED', 'Pages are only read.');
    const file = files.find(ctx.path);
    if (!file) throw new HttpError(404, 'NO_SUCH_FILE', `There is no ${ctx.path}.`);
    ctx.set('Cache-Control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
    ctx.set('ETag', file.etag);
    ctx.type = file.type;
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = file.bytes;
  });
  const handle = app.callback();
  return (request, response) => void handle(request, response);
}
