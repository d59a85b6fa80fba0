import { MqError } from '@cometmq/common/error/mq-error';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { AdminTransport } from '@cometmq/client/admin/admin-session';
import type { MqAdmin } from '@cometmq/client/admin/admin-client';
import { createAdmin } from '@cometmq/client/admin/admin-client';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { objectKeyMap } from '@cometmq/remoting/protocol/body/message-queue';
import type { RemotingCommand, Reply, Request } from '@cometmq/remoting/protocol/remoting-command';
import { replyCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';

type Answer = (request: Request, address: string) => Reply | Promise<Reply>;

export const NAME_SERVER = '127.0.0.1:9876';

/** Servers that exist as tables of answers: one name server and the brokers that a test adds. */
export class FakeCluster implements AdminTransport {
  /** What was asked, in order. */
  readonly asked: { readonly address: string; readonly request: Request }[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #down = new Set<string>();
  readonly #brokers = new Map<string, string>();
  readonly #topics = new Map<string, { broker: string; queues: number; perm: number }[]>();
  version: number | undefined;
  closed = false;

  constructor() {
    this.on(NAME_SERVER, RequestCode.GET_BROKER_CLUSTER_INFO, () => ok(this.#clusterInfo()));
    this.on(NAME_SERVER, RequestCode.GET_ROUTEINFO_BY_TOPIC, ({ extFields }) =>
      this.#route(extFields?.['topic'] ?? ''),
    );
  }

  broker(name: string, address: string): this {
    this.#brokers.set(name, address);
    return this;
  }

  topic(
    name: string,
    queues: number,
    brokers: readonly string[] = [...this.#brokers.keys()],
    perm = 6,
  ): this {
    this.#topics.set(
      name,
      brokers.map((broker) => ({ broker, queues, perm })),
    );
    return this;
  }

  on(address: string, code: number, answer: Answer): this {
    this.#answers.set(`${address} ${code}`, answer);
    return this;
  }

  /** The same answer from all brokers. */
  onBrokers(code: number, answer: Answer): this {
    for (const address of this.#brokers.values()) this.on(address, code, answer);
    return this;
  }

  down(address: string): this {
    this.#down.add(address);
    return this;
  }

  count(code: number): number {
    return this.asked.filter(({ request }) => request.code === code).length;
  }

  admin(nameServers: string | readonly string[] = NAME_SERVER): MqAdmin {
    return createAdmin({ nameServers, transport: this });
  }

  async invoke(address: string, request: Request): Promise<RemotingCommand> {
    this.asked.push({ address, request });
    if (this.#down.has(address)) throw new MqError('CONNECTION', `can't connect to ${address}`);
    const answer = this.#answers.get(`${address} ${request.code}`);
    const reply =
      answer === undefined
        ? { code: 3, remark: `request type ${request.code} not supported` }
        : await answer(request, address);
    const command = replyCommand(reply, 1, 'JSON');
    return this.version === undefined ? command : { ...command, version: this.version };
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #clusterInfo(): unknown {
    const entries = [...this.#brokers];
    return {
      brokerAddrTable: Object.fromEntries(
        entries.map(([brokerName, address]) => [
          brokerName,
          { brokerName, cluster: 'DefaultCluster', brokerAddrs: { '0': address } },
        ]),
      ),
      clusterAddrTable: { DefaultCluster: entries.map(([name]) => name) },
    };
  }

  #route(topic: string): Reply {
    const queues = this.#topics.get(topic);
    if (queues === undefined)
      return { code: 17, remark: `No topic route info in name server for the topic: ${topic}` };
    return ok({
      brokerDatas: queues.map(({ broker }) => ({
        brokerName: broker,
        cluster: 'DefaultCluster',
        brokerAddrs: { '0': this.#brokers.get(broker) },
      })),
      queueDatas: queues.map(({ broker, queues: count, perm }) => ({
        brokerName: broker,
        readQueueNums: count,
        writeQueueNums: count,
        perm,
        topicSysFlag: 0,
      })),
    });
  }
}

export function ok(body: unknown): Reply {
  return { code: 0, body: jsonBody(body) };
}

/** A map with whole objects as keys, as fastjson writes it. */
export function objectKeyed(member: string, entries: readonly (readonly [MessageQueue, unknown])[]): Reply {
  return { code: 0, extFields: {}, body: Buffer.from(`{"${member}":${objectKeyMap(entries)}}`) };
}

export function offset(value: number): Reply {
  return { code: 0, extFields: { offset: String(value) } };
}

export function topicSettings(topic: string, changes: object = {}): Reply {
  return ok({ ...topicConfig(topic, 8), ...changes });
}

export function queue(topic: string, brokerName: string, queueId: number): MessageQueue {
  return { topic, brokerName, queueId };
}
