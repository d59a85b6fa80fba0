import type { Clock } from '@cometmq/common/clock/clock';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import type { QueueData } from '@cometmq/remoting/protocol/body/route';
import { ClusterHeader, MemberGroupHeader } from '@cometmq/remoting/protocol/header/name-server';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { LiveSettings } from '../config/live-settings.ts';
import type { KvConfig } from '../kv-config/kv-config.ts';
import { ORDER_TOPIC_CONFIG } from '../kv-config/kv-config.ts';
import type { RouteTable } from '../route/route-table.ts';
import {
  TopicSysFlag,
  clusterInfo,
  memberGroup,
  pickRoute,
  systemTopics,
  topicNames,
  topicNamesOfCluster,
} from '../route/route-view.ts';
import type { HandlerTable } from './handler-table.ts';

export interface RouteProcessorOptions {
  readonly clock: Clock;
  readonly routes: RouteTable;
  readonly kvConfig: KvConfig;
  readonly settings: LiveSettings;
  /** Monotonic ms before which no route is told (see waitSecondsForService). */
  readonly readyAtMs: number;
}

/** Tools and people look for this text. */
const FAQ = 'See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** What clients and admin tools ask (Java: ClientRequestProcessor, DefaultRequestProcessor). */
export class RouteProcessor {
  readonly #options: RouteProcessorOptions;

  constructor(options: RouteProcessorOptions) {
    this.#options = options;
  }

  handlers(): HandlerTable {
    const { routes } = this.#options;
    const unit = ({ topicSysFlag }: QueueData): boolean => (topicSysFlag & TopicSysFlag.UNIT) !== 0;
    const unitSub = ({ topicSysFlag }: QueueData): boolean => (topicSysFlag & TopicSysFlag.UNIT_SUB) !== 0;
    return [
      [RequestCode.GET_ROUTEINFO_BY_TOPIC, (request) => this.#route(request)],
      [RequestCode.GET_BROKER_CLUSTER_INFO, () => success(clusterInfo(routes))],
      [RequestCode.GET_BROKER_MEMBER_GROUP, (request) => this.#memberGroup(request)],
      [
        RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
        () => this.#list('enableAllTopicList', () => topicNames(routes)),
      ],
      [RequestCode.GET_TOPICS_BY_CLUSTER, (request) => this.#topicsOfCluster(request)],
      [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, () => success(systemTopics(routes))],
      [RequestCode.GET_UNIT_TOPIC_LIST, () => this.#list('enableTopicList', () => topicNames(routes, unit))],
      [
        RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST,
        () => this.#list('enableTopicList', () => topicNames(routes, unitSub)),
      ],
      [
        RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST,
        () => this.#list('enableTopicList', () => topicNames(routes, (data) => unitSub(data) && !unit(data))),
      ],
    ];
  }

  #route(request: RemotingCommand): Reply {
    const { clock, routes, kvConfig, settings, readyAtMs } = this.#options;
    if (clock.monotonic() < readyAtMs)
      return { code: ResponseCode.SYSTEM_ERROR, remark: 'name server not ready' };
    // A request without a topic asks for "null" in Java, too.
    const topic = request.extFields?.['topic'] ?? 'null';
    const order = settings.get('orderMessageEnable') ? kvConfig.get(ORDER_TOPIC_CONFIG, topic) : undefined;
    const route = pickRoute(routes, topic, order);
    if (route !== undefined) return success(route);
    return {
      code: ResponseCode.TOPIC_NOT_EXIST,
      remark: `No topic route info in name server for the topic: ${topic}\n${FAQ}`,
    };
  }

  #memberGroup(request: RemotingCommand): Reply {
    const { clusterName, brokerName } = MemberGroupHeader.decode(request.extFields);
    return success(memberGroup(this.#options.routes, clusterName, brokerName));
  }

  #topicsOfCluster(request: RemotingCommand): Reply {
    const { cluster } = ClusterHeader.decode(request.extFields);
    return this.#list('enableTopicList', () => topicNamesOfCluster(this.#options.routes, cluster));
  }

  #list(setting: 'enableTopicList' | 'enableAllTopicList', names: () => readonly string[]): Reply {
    if (!this.#options.settings.get(setting)) return { code: ResponseCode.SYSTEM_ERROR, remark: 'disable' };
    return success({ topicList: names() });
  }
}

function success(body: unknown): Reply {
  return { code: ResponseCode.SUCCESS, body: jsonBody(body) };
}
