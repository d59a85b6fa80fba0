import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { ConsumerData } from '@cometmq/remoting/protocol/body/heartbeat';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { UnregisterClientHeader } from '@cometmq/remoting/protocol/header/client';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { Connections } from '../connection/connections.ts';
import type { RouteTable } from '../route/route-table.ts';

export interface HeartbeatsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly clientId: string;
  readonly periodMs: number;
  readonly connections: Connections;
  readonly routes: RouteTable;
  /** Groups with a producer here. */
  readonly producerGroups: () => readonly string[];
  readonly consumers: () => readonly ConsumerData[];
}

const TIMEOUT_MS = 3000;

/** Tells all brokers every 30 s, and whenever something changes, which producers and consumers live here. */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #pending = new Map<string, Promise<void>>();
  #timer: Timer | undefined;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = every(this.#options.clock, this.#options.periodMs, () => void this.beatAll());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Resolves when all brokers have answered or failed to; it never rejects. */
  async beatAll(): Promise<void> {
    const { routes, consumers } = this.#options;
    // Replicas need to know consumers only.
    const addresses = routes.addresses(consumers().length === 0);
    await Promise.all([...addresses].map((address) => this.beat(address)));
  }

  /** Heartbeats to one address do not overlap: what changes meanwhile is told by one more. */
  beat(address: string): Promise<void> {
    const { producerGroups, consumers } = this.#options;
    if (producerGroups().length === 0 && consumers().length === 0) return Promise.resolve();
    const running = this.#pending.get(address);
    const next = (running ?? Promise.resolve()).then(() => this.#send(address));
    if (running !== undefined) return next;
    this.#pending.set(address, next);
    return next.finally(() => this.#pending.delete(address));
  }

  /** Takes a producer's or consumer's group back from all brokers that can be reached. */
  async unregister(role: 'producerGroup' | 'consumerGroup', group: string): Promise<void> {
    const { routes, connections, clientId, log } = this.#options;
    const extFields = UnregisterClientHeader.encode({ clientID: clientId, [role]: group });
    const request = { code: RequestCode.UNREGISTER_CLIENT, extFields };
    await Promise.all(
      [...routes.addresses(false)]
        .filter((address) => connections.isAvailable(address))
        .map((address) =>
          connections.invoke(address, request, TIMEOUT_MS).catch((error: unknown) => {
            log.debug({ address, group, reason: errorText(error) }, 'not unregistered');
          }),
        ),
    );
  }

  async #send(address: string): Promise<void> {
    const { connections, clientId, producerGroups, consumers, log } = this.#options;
    const body = jsonBody({
      clientID: clientId,
      consumerDataSet: consumers(),
      heartbeatFingerprint: 0,
      producerDataSet: producerGroups().map((groupName) => ({ groupName })),
      withoutSub: false,
    });
    try {
      const answer = await connections.invoke(address, { code: RequestCode.HEART_BEAT, body }, TIMEOUT_MS);
      if (answer.code !== ResponseCode.SUCCESS) {
        log.warn({ address, code: answer.code, reason: answer.remark }, 'heartbeat refused');
      }
    } catch (error) {
      log.debug({ address, reason: errorText(error) }, 'heartbeat failed');
    }
  }
}
