import { silentLogger } from '@cometmq/common/logging/logger';
import type { ApiErrorBody } from '@cometmq/console/api-contract';
import { ConsoleServer } from '@cometmq/console/console-server';
import { ManualClock } from '../../support/manual-clock.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { MemoryAdmin } from './memory-admin.ts';

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A console on a loopback port over a cluster in memory. */
export class ConsoleHarness {
  readonly clock = new ManualClock();
  readonly admin = new MemoryAdmin(this.clock);
  readonly #server: ConsoleServer;

  constructor(options: { allowedHosts?: readonly string[]; webFolder?: string } = {}) {
    this.#server = new ConsoleServer({
      clock: this.clock,
      random: new SeededRandom(1),
      log: silentLogger,
      nameServers: ['127.0.0.1:9876'],
      admin: this.admin,
      port: 0,
      webFolder: '/nowhere',
      ...options,
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  get<T = ApiErrorBody>(path: string, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.request<T>('GET', path, undefined, headers);
  }

  send<T = ApiErrorBody>(method: 'POST' | 'DELETE', path: string, body: unknown): Promise<Answer<T>> {
    return this.request<T>(method, path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  async request<T = ApiErrorBody>(
    method: string,
    path: string,
    body: string | undefined,
    headers: Record<string, string>,
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.origin}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      body: (json ? JSON.parse(text) : text) as T,
    };
  }
}
