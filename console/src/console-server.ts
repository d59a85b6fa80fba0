import { fileURLToPath } from 'node:url';
import { createAdmin } from '@cometmq/client/admin/admin-client';
import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { RandomSource } from '@cometmq/common/random/random';
import { clusterRoutes } from './api/cluster-routes.ts';
import { groupRoutes } from './api/group-routes.ts';
import { messageRoutes } from './api/message-routes.ts';
import { topicRoutes } from './api/topic-routes.ts';
import type { ConsoleAdmin } from './console-admin.ts';
import { HttpListener } from './http/http-listener.ts';
import { koaApp } from './http/koa-app.ts';
import { RequestGuard } from './http/request-guard.ts';
import { StaticFiles } from './http/static-files.ts';
import { MqAdminSource } from './mq-admin-source.ts';
import { AnswerCache } from './view/answer-cache.ts';
import { ClusterViews } from './view/cluster-view.ts';
import { GroupViews } from './view/group-view.ts';
import { MessageQuery } from './view/message-query.ts';
import { Rewind } from './view/rewind.ts';
import { TopicViews } from './view/topic-view.ts';

export interface ConsoleServerOptions {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  /** `host:port` of each. */
  readonly nameServers: readonly string[];
  /** Asked instead of a client of its own for `nameServers`; closed by `stop`. */
  readonly admin?: ConsoleAdmin;
  /** Loopback by default. */
  readonly host?: string;
  /** 8082 by default; 0 lets the operating system choose. */
  readonly port?: number;
  /** Names besides `localhost` under which browsers reach this console, for example behind a proxy. */
  readonly allowedHosts?: readonly string[];
  /** There is no sign-in yet, so another address than loopback must be wanted. */
  readonly openToNetwork?: boolean;
  /** Where the built pages are; beside this file when left out. */
  readonly webFolder?: string;
  readonly version?: string;
}

const PORT_DEFAULT = 8082;
const CACHED_ANSWERS_MAX = 4_096;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** The console: pages at `/`, the API at `/api/v1`. */
export class ConsoleServer {
  readonly #options: ConsoleServerOptions;
  readonly #admin: ConsoleAdmin;
  readonly #cluster: ClusterViews;
  readonly #routes;
  #listener: HttpListener | undefined;
  #port = 0;

  constructor(options: ConsoleServerOptions) {
    const { clock, random, log, nameServers } = options;
    this.#options = options;
    const admin = options.admin ?? new MqAdminSource(createAdmin({ nameServers, clock, random, log }));
    this.#admin = admin;
    const cache = new AnswerCache(clock, CACHED_ANSWERS_MAX);
    const topics = new TopicViews(clock, admin, cache);
    const groups = new GroupViews(clock, admin, cache, topics);
    const rewind = new Rewind({ clock, random, admin, cache, groups });
    const consoleVersion = options.version ?? '0.1.0';
    this.#cluster = new ClusterViews({ clock, log, admin, cache, topics, groups, consoleVersion });
    this.#routes = [
      ...clusterRoutes(this.#cluster),
      ...topicRoutes(topics),
      ...groupRoutes(groups, rewind),
      ...messageRoutes(new MessageQuery(clock, admin, topics)),
    ];
  }

  /** The port that is listened on; 0 before `start`. */
  get port(): number {
    return this.#port;
  }

  /** Rejects when the address is taken, or open to the network without being meant to. */
  async start(): Promise<void> {
    const {
      host = '127.0.0.1',
      port = PORT_DEFAULT,
      log,
      allowedHosts = [],
      openToNetwork = false,
    } = this.#options;
    if (!LOOPBACK.test(host) && !openToNetwork) {
      throw new MqError(
        'NO_PERMISSION',
        `The console has no sign-in yet and would be open to everyone at ${host}.`,
        {
          hint: 'Bind it to 127.0.0.1, or set openToNetwork if the network itself is guarded.',
        },
      );
    }
    const folder = this.#options.webFolder ?? fileURLToPath(new URL('./web/', import.meta.url));
    const files = await StaticFiles.load(folder);
    const guard = new RequestGuard(allowedHosts);
    const listener = new HttpListener(koaApp({ log, guard, files, routes: this.#routes }));
    this.#port = await listener.listen(host, port);
    this.#listener = listener;
    this.#cluster.start();
    log.info({ host, port: this.#port }, 'console listens');
  }

  async stop(): Promise<void> {
    this.#cluster.stop();
    await this.#listener?.close();
    this.#listener = undefined;
    await this.#admin.close();
  }
}
