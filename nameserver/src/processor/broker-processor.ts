import { MqError } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { Clock } from '@cometmq/common/clock/clock';
import { sameDataVersion } from '@cometmq/common/topic/topic-config';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import type { RegisterBrokerBody } from '@cometmq/remoting/protocol/body/register-broker';
import { readRegisterBrokerBody, registrationCrc } from '@cometmq/remoting/protocol/body/register-broker';
import { readTopicRoute } from '@cometmq/remoting/protocol/body/route';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { readDataVersion } from '@cometmq/remoting/protocol/body/topic-config';
import {
  AddWritePermResponseHeader,
  BrokerIdentityHeader,
  NameServerTopicHeader,
  QueryDataVersionResponseHeader,
  RegisterBrokerHeader,
  RegisterBrokerResponseHeader,
  WipeWritePermResponseHeader,
  WritePermHeader,
} from '@cometmq/remoting/protocol/header/name-server';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { LiveSettings } from '../config/live-settings.ts';
import type { KvConfig } from '../kv-config/kv-config.ts';
import { ORDER_TOPIC_CONFIG } from '../kv-config/kv-config.ts';
import type { BrokerChannel } from '../route/broker-table.ts';
import type { RegistrationRequest, RegistrationResult, RouteTable } from '../route/route-table.ts';
import { checkIdentity, checkQueues } from './broker-checks.ts';
import type { HandlerTable } from './handler-table.ts';
import { claimRefusal, notHolder } from './refusal.ts';

export interface BrokerProcessorOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly routes: RouteTable;
  readonly kvConfig: KvConfig;
  readonly settings: LiveSettings;
}

/** What brokers tell the name server (Java: DefaultRequestProcessor). */
export class BrokerProcessor {
  readonly #options: BrokerProcessorOptions;

  constructor(options: BrokerProcessorOptions) {
    this.#options = options;
  }

  handlers(): HandlerTable {
    return [
      [RequestCode.REGISTER_BROKER, (request, channel) => this.#register(request, channel)],
      [RequestCode.UNREGISTER_BROKER, (request, channel) => this.#unregister(request, channel)],
      [RequestCode.QUERY_DATA_VERSION, (request, channel) => this.#queryDataVersion(request, channel)],
      [RequestCode.BROKER_HEARTBEAT, (request, channel) => this.#heartbeat(request, channel)],
      [RequestCode.REGISTER_TOPIC_IN_NAMESRV, (request, channel) => this.#registerTopic(request, channel)],
      [RequestCode.DELETE_TOPIC_IN_NAMESRV, (request) => this.#deleteTopic(request)],
      [RequestCode.WIPE_WRITE_PERM_OF_BROKER, (request) => this.#wipeWritePerm(request)],
      [RequestCode.ADD_WRITE_PERM_OF_BROKER, (request) => this.#addWritePerm(request)],
    ];
  }

  #register(request: RemotingCommand, channel: BrokerChannel): Reply {
    const { clock, log, routes } = this.#options;
    const registration = registrationRequest(request);
    const result = routes.register(registration, channel, clock.monotonic());
    const { clusterName, brokerName, brokerId, brokerAddr } = registration;
    const broker = { clusterName, brokerName, brokerId, brokerAddr };
    if (result.status !== 'REGISTERED') {
      const reply = claimRefusal(registration, result);
      log.warn({ ...broker, status: result.status, remark: reply.remark }, 'registration refused');
      return reply;
    }
    if (result.tookOver)
      log.warn(broker, 'broker registered again over another connection, which holds it from now on');
    return this.#registered(brokerId, result);
  }

  #registered(brokerId: number, { master }: Extract<RegistrationResult, { status: 'REGISTERED' }>): Reply {
    const { kvConfig, settings } = this.#options;
    const orders = settings.get('returnOrderTopicConfigToBroker')
      ? kvConfig.entries(ORDER_TOPIC_CONFIG)
      : undefined;
    const addresses =
      brokerId === 0 || master === undefined
        ? {}
        : { masterAddr: master.brokerAddr, haServerAddr: master.haServerAddr };
    return {
      code: ResponseCode.SUCCESS,
      extFields: RegisterBrokerResponseHeader.encode(addresses),
      body: orders === undefined ? undefined : jsonBody({ table: Object.fromEntries(orders) }),
    };
  }

  #unregister(request: RemotingCommand, channel: BrokerChannel): Reply {
    const identity = BrokerIdentityHeader.decode(request.extFields);
    const result = this.#options.routes.unregister(identity, channel);
    this.#options.log.info({ ...identity, status: result.status }, 'broker unregisters');
    return result.status === 'NOT_HOLDER' ? notHolder(identity) : { code: ResponseCode.SUCCESS };
  }

  #queryDataVersion(request: RemotingCommand, channel: BrokerChannel): Reply {
    const { clock, routes } = this.#options;
    const identity = BrokerIdentityHeader.decode(request.extFields);
    const asked = readDataVersion(parseRequestBody(request.body));
    const known = routes.dataVersionAt(identity.brokerAddr);
    // Over a connection that does not hold the registration the answer is "changed": the broker registers again.
    const same = known !== undefined && sameDataVersion(known, asked);
    const changed = !same || !routes.heard(identity, channel, clock.monotonic());
    return {
      code: ResponseCode.SUCCESS,
      extFields: QueryDataVersionResponseHeader.encode({ changed }),
      body: known === undefined ? undefined : jsonBody(known),
    };
  }

  #heartbeat(request: RemotingCommand, channel: BrokerChannel): Reply {
    const identity = BrokerIdentityHeader.decode(request.extFields);
    this.#options.routes.heard(identity, channel, this.#options.clock.monotonic());
    return { code: ResponseCode.SUCCESS };
  }

  #registerTopic(request: RemotingCommand, channel: BrokerChannel): Reply {
    const { topic } = NameServerTopicHeader.decode(request.extFields);
    const { queueDatas } = readTopicRoute(parseRequestBody(request.body));
    for (const queueData of queueDatas) checkQueues(topic, queueData);
    const { status } = this.#options.routes.registerTopic(topic, queueDatas, channel);
    if (status === 'REGISTERED') return { code: ResponseCode.SUCCESS };
    if (status === 'TOPICS_FULL')
      return { code: ResponseCode.SYSTEM_BUSY, remark: `no room for topic ${topic}` };
    return {
      code: ResponseCode.ILLEGAL_OPERATION,
      remark: `topic ${topic} is not registered: its queues name a broker that this connection has not registered`,
    };
  }

  #deleteTopic(request: RemotingCommand): Reply {
    const { topic, clusterName } = NameServerTopicHeader.decode(request.extFields);
    this.#options.routes.deleteTopic(topic, clusterName === '' ? undefined : clusterName);
    this.#options.log.info({ topic, clusterName }, 'topic deleted');
    return { code: ResponseCode.SUCCESS };
  }

  #wipeWritePerm(request: RemotingCommand): Reply {
    const wipeTopicCount = this.#setWritable(request, false);
    return { code: ResponseCode.SUCCESS, extFields: WipeWritePermResponseHeader.encode({ wipeTopicCount }) };
  }

  #addWritePerm(request: RemotingCommand): Reply {
    const addTopicCount = this.#setWritable(request, true);
    return { code: ResponseCode.SUCCESS, extFields: AddWritePermResponseHeader.encode({ addTopicCount }) };
  }

  #setWritable(request: RemotingCommand, writable: boolean): number {
    const { brokerName } = WritePermHeader.decode(request.extFields);
    const topics = this.#options.routes.setWritable(brokerName, writable);
    this.#options.log.info({ brokerName, writable, topics }, 'write permission changed');
    return topics;
  }
}

/** Silence after which a broker that names no time of its own is forgotten (Java: DEFAULT_BROKER_CHANNEL_EXPIRED_TIME). */
const HEARTBEAT_TIMEOUT_MS = 120_000;
/** No broker may ask to be kept longer than this. */
const HEARTBEAT_TIMEOUT_MAX_MS = 3_600_000;

/** @throws MqError for a damaged body and for names and numbers out of bounds. */
function registrationRequest(request: RemotingCommand): RegistrationRequest {
  const header = RegisterBrokerHeader.decode(request.extFields);
  const { bodyCrc32 = 0, heartbeatTimeoutMillis = 0 } = header;
  if (bodyCrc32 !== 0 && registrationCrc(request.body ?? Buffer.alloc(0)) !== bodyCrc32) {
    throw new MqError('PROTOCOL', 'crc32 not match');
  }
  const body: RegisterBrokerBody = readRegisterBrokerBody(request.body, request.version);
  checkIdentity(header);
  for (const topic of body.topics) checkQueues(topic.topicName, topic);
  return {
    clusterName: header.clusterName,
    brokerName: header.brokerName,
    brokerId: header.brokerId,
    brokerAddr: header.brokerAddr,
    haServerAddr: header.haServerAddr,
    heartbeatTimeoutMs:
      heartbeatTimeoutMillis > 0
        ? Math.min(heartbeatTimeoutMillis, HEARTBEAT_TIMEOUT_MAX_MS)
        : HEARTBEAT_TIMEOUT_MS,
    enableActingMaster: header.enableActingMaster,
    dataVersion: body.dataVersion,
    topics: body.topics,
  };
}
