import type { Clock } from '@cometmq/common/clock/clock';
import { Perm } from '@cometmq/common/message/sys-flag';
import { readTopicRoute } from '@cometmq/remoting/protocol/body/route';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RouteHeader } from '@cometmq/remoting/protocol/header/name-server';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ChannelPool } from '@cometmq/remoting/transport/channel-pool';

interface Queue {
  readonly brokerName: string;
  readonly queueId: number;
}

interface CachedRoute {
  readonly queues: Promise<readonly Queue[] | undefined>;
  readonly askedMs: number;
}

const CALL_TIMEOUT_MS = 3_000;
/** A route is believed for this long: members of a group should hear the same. */
const FRESH_MS = 5_000;
const CACHED_MAX = 10_000;

/** Where a topic's queues are, on all brokers, as the name servers know it. */
export class NameServerRoutes {
  readonly #clock: Clock;
  readonly #pool: ChannelPool;
  readonly #nameServers: readonly string[];
  readonly #cache = new Map<string, CachedRoute>();

  constructor(clock: Clock, pool: ChannelPool, nameServers: readonly string[]) {
    this.#clock = clock;
    this.#pool = pool;
    this.#nameServers = nameServers;
  }

  /** In the order in which all members see them; undefined when no name server knows the topic. */
  readableQueues(topic: string): Promise<readonly Queue[] | undefined> {
    const now = this.#clock.monotonic();
    const cached = this.#cache.get(topic);
    if (cached !== undefined && now - cached.askedMs < FRESH_MS) return cached.queues;
    if (this.#cache.size >= CACHED_MAX) this.#cache.clear();
    const queues = this.#ask(topic);
    this.#cache.set(topic, { queues, askedMs: now });
    return queues;
  }

  async #ask(topic: string): Promise<readonly Queue[] | undefined> {
    const request = { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: RouteHeader.encode({ topic }) };
    for (const address of this.#nameServers) {
      const response = await this.#pool.invoke(address, request, CALL_TIMEOUT_MS).catch(() => undefined);
      if (response?.code !== ResponseCode.SUCCESS) continue;
      const { queueDatas } = readTopicRoute(parseRequestBody(response.body));
      return [...queueDatas]
        .filter(({ perm }) => (perm & Perm.READ) !== 0)
        .sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
        .flatMap(({ brokerName, readQueueNums }) =>
          Array.from({ length: readQueueNums }, (_, queueId) => ({ brokerName, queueId })),
        );
    }
    return undefined;
  }
}
