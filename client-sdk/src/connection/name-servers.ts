import { MqError } from '@cometmq/common/error/mq-error';
import { parseHostPort } from '@cometmq/common/message/host';
import type { RandomSource } from '@cometmq/common/random/random';
import type { TopicRoute } from '@cometmq/remoting/protocol/body/route';
import { readTopicRoute } from '@cometmq/remoting/protocol/body/route';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RouteHeader } from '@cometmq/remoting/protocol/header/name-server';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ConnectError, IllegalStateError, RouteNotFoundError } from '../error/client-error.ts';
import type { Connections } from './connections.ts';

const TIMEOUT_MS = 3000;

/** The name servers: one is asked while it answers, the others when it does not or does not know. */
export class NameServers {
  readonly addresses: readonly string[];
  readonly #connections: Connections;
  #preferred: number;

  constructor(connections: Connections, random: RandomSource, addresses: readonly string[]) {
    const bad = addresses.find((address) => parseHostPort(address) === undefined);
    if (addresses.length === 0 || bad !== undefined) {
      throw new IllegalStateError(
        bad === undefined ? 'nameServers is empty' : `name server ${bad} is not of the form host:port`,
        "for example nameServers: ['127.0.0.1:9876']",
      );
    }
    this.addresses = addresses;
    this.#connections = connections;
    this.#preferred = random.below(addresses.length);
  }

  /**
   * The route of a topic.
   * @throws RouteNotFoundError when those that answered do not know the topic, ConnectError when none answered.
   */
  async route(topic: string): Promise<TopicRoute> {
    const said: string[] = [];
    let reached = false;
    for (let step = 0; step < this.addresses.length; step++) {
      const index = (this.#preferred + step) % this.addresses.length;
      const address = this.addresses[index] ?? '';
      const answer = await this.#ask(address, topic);
      if (answer instanceof MqError) {
        said.push(`${address}: ${answer.message}`);
        continue;
      }
      if (answer.code === ResponseCode.SUCCESS && answer.body !== undefined) {
        this.#preferred = index;
        return readTopicRoute(parseBody(answer.body));
      }
      reached ||= answer.code === ResponseCode.TOPIC_NOT_EXIST;
      said.push(`${address} does not know it (code ${answer.code})`);
    }
    if (reached) throw new RouteNotFoundError(topic, said);
    throw new ConnectError(this.addresses.join(', '), `no name server answered: ${said.join('; ')}`, false);
  }

  async #ask(address: string, topic: string): Promise<RemotingCommand | MqError> {
    const extFields = RouteHeader.encode({ topic, acceptStandardJsonOnly: true });
    try {
      return await this.#connections.invoke(
        address,
        { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields },
        TIMEOUT_MS,
      );
    } catch (error) {
      if (error instanceof MqError) return error;
      throw error;
    }
  }
}
