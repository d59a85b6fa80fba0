import type { Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { TopicRoute } from '@cometmq/remoting/protocol/body/route';
import { asArray, asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { ConsumerGroupHeader } from '@cometmq/remoting/protocol/header/client';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ClientContext } from '../client/client-context.ts';
import { remoteError } from '../connection/remote-error.ts';
import { readQueues } from '../route/topic-queues.ts';
import { allocateAveragely } from './allocate.ts';

export interface RebalancerOptions {
  readonly context: ClientContext;
  readonly group: string;
  readonly topics: readonly string[];
  readonly broadcast: boolean;
  /** All queues of a topic as known in this round; none when the topic is known not to exist. */
  readonly onQueues: (topic: string, queues: readonly MessageQueue[]) => void;
  /** Takes and gives up queues of one topic; false when not all could be taken. */
  readonly assign: (topic: string, mine: readonly MessageQueue[]) => Promise<boolean>;
  /** A round is over; true when every topic that has a route was dealt with. */
  readonly onRound: (complete: boolean) => void;
}

const PERIOD_MS = 20_000;
/** After an incomplete round. */
const SOON_MS = 1000;
const TIMEOUT_MS = 3000;

/**
 * Decides which queues are this member's: every 20 s, when the group changes and when routes change (Java:
 * RebalanceService). Rounds never overlap; whatever happens during one leads to another.
 */
export class Rebalancer {
  readonly #options: RebalancerOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: RebalancerOptions) {
    this.#options = options;
  }

  /** Runs a round now, or another one right after the present one. */
  trigger(): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#timer?.cancel();
    this.#running = this.#round().finally(() => {
      this.#running = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.trigger();
    });
  }

  /** No further round; resolves when the present one is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #round(): Promise<void> {
    const { topics, context, group } = this.#options;
    let complete = true;
    for (const topic of topics) {
      if (this.#stopped) return;
      try {
        complete = (await this.#topicRound(topic)) && complete;
      } catch (error) {
        complete = false;
        context.log.debug({ group, topic, reason: errorText(error) }, 'not rebalanced');
      }
    }
    if (this.#stopped) return;
    this.#timer = context.clock.setTimer(complete ? PERIOD_MS : SOON_MS, () => {
      this.trigger();
    });
    this.#options.onRound(complete);
  }

  async #topicRound(topic: string): Promise<boolean> {
    const { context, assign, broadcast, onQueues } = this.#options;
    const route = context.routes.known(topic);
    if (route === undefined) {
      // Nothing is known, which is different from "no queues": what is held stays.
      const missing = context.routes.isMissing(topic);
      if (missing) onQueues(topic, []);
      return missing;
    }
    const queues = readQueues(topic, route);
    onQueues(topic, queues);
    if (broadcast) return assign(topic, queues);
    const members = await this.#members(route);
    if (members.length === 0) return false;
    if (!members.includes(context.clientId)) {
      // The broker has lost us, or never knew. Giving up everything would only make it worse.
      await context.heartbeat();
      return false;
    }
    return assign(topic, allocateAveragely(queues, members, context.clientId));
  }

  /** Client ids of the group, from any broker of the topic: all of them know all members. */
  async #members(route: TopicRoute): Promise<string[]> {
    const { context, group } = this.#options;
    const addresses = route.brokerDatas.flatMap(({ brokerAddrs }) => Object.values(brokerAddrs));
    const usable = addresses.filter((address) => context.connections.isAvailable(address));
    const choice = usable.length > 0 ? usable : addresses;
    const address = choice[context.random.below(choice.length)];
    if (address === undefined) return [];
    const code = RequestCode.GET_CONSUMER_LIST_BY_GROUP;
    const extFields = ConsumerGroupHeader.encode({ consumerGroup: group });
    const answer = await context.connections.invoke(address, { code, extFields }, TIMEOUT_MS);
    if (answer.code !== ResponseCode.SUCCESS) {
      await context.heartbeatTo(address);
      throw remoteError(code, answer, address);
    }
    if (answer.body === undefined) return [];
    return asArray(asObject(parseBody(answer.body))['consumerIdList']).map((id) => asString(id));
  }
}
