import { silentLogger } from '@cometmq/common/logging/logger';
import { encodeHost } from '@cometmq/common/message/host';
import { RECORD_MAGIC_V1 } from '@cometmq/common/message/record-layout';
import { decodeBatch } from '@cometmq/common/message/batch-codec';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { decodeProperties, encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { dlqTopic, retryTopic } from '@cometmq/common/topic/names';
import { readHeartbeat } from '@cometmq/remoting/protocol/body/heartbeat';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { readLockRequest } from '@cometmq/remoting/protocol/body/lock';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { RemotingServer } from '@cometmq/remoting/transport/remoting-server';
import type { ManualClock } from './manual-clock.ts';
import type { MemoryNet } from './memory-net.ts';

interface Stored {
  readonly body: Buffer;
  readonly properties: string;
  readonly sysFlag: number;
  readonly reconsumeTimes: number;
  readonly storedMs: number;
}

/** Answers a request instead of the broker; undefined lets the broker answer, null leaves the asker waiting. */
export type Intercept = (request: RemotingCommand, channel: RemotingChannel) => Reply | undefined | null;

const OK: Reply = { code: ResponseCode.SUCCESS };

/**
 * A name server and a broker in one, for tests of clients: enough of the protocol to send, pull, commit, lock and
 * rebalance, everything in memory, every answer replaceable.
 */
export class ScriptedBroker {
  readonly name = 'broker-a';
  readonly port: number;
  /** Every request so far. */
  readonly requests: RemotingCommand[] = [];
  readonly offsets = new Map<string, number>();
  readonly locks = new Map<string, string>();
  intercept: Intercept = () => undefined;
  readonly #clock: ManualClock;
  readonly #server: RemotingServer;
  readonly #topics = new Map<string, Stored[][]>();
  /** All messages; a physical offset is a position in it. */
  readonly #log: Stored[] = [];
  readonly #groups = new Map<string, Map<string, RemotingChannel>>();
  readonly #held: {
    request: RemotingCommand;
    channel: RemotingChannel;
    topic: string;
    deadlineMs: number;
  }[] = [];

  private constructor(clock: ManualClock, net: MemoryNet, port: number) {
    this.#clock = clock;
    this.port = port;
    this.#server = new RemotingServer({
      net,
      clock,
      log: silentLogger,
      host: '127.0.0.1',
      connectionsMax: 100,
    });
    for (const code of Object.values(RequestCode)) {
      this.#server.handle(code, (request, channel) => this.#handle(request, channel));
    }
    this.#server.onClose((channel) => {
      for (const [group, members] of this.#groups) {
        for (const [id, member] of members) if (member === channel) this.#leave(group, id);
      }
    });
  }

  static async start(clock: ManualClock, net: MemoryNet, port = 10_911): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(clock, net, port);
    await broker.#server.listen(port);
    return broker;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  topic(name: string, queues = 4): void {
    this.#topics.set(
      name,
      Array.from({ length: queues }, () => []),
    );
  }

  /** Requests of one code so far. */
  asked(code: number): RemotingCommand[] {
    return this.requests.filter((request) => request.code === code);
  }

  count(topic: string): number {
    return (this.#topics.get(topic) ?? []).reduce((sum, queue) => sum + queue.length, 0);
  }

  /** Bodies in a topic, queue by queue. */
  bodies(topic: string): string[] {
    return (this.#topics.get(topic) ?? []).flatMap((queue) => queue.map(({ body }) => body.toString()));
  }

  put(topic: string, queueId: number, body: string, properties: Readonly<Record<string, string>> = {}): void {
    this.#store(topic, queueId, {
      body: Buffer.from(body),
      properties: encodeProperties(new Map(Object.entries(properties))),
      sysFlag: 0,
      reconsumeTimes: 0,
      storedMs: this.#clock.now(),
    });
  }

  /** Sends a request to every member of a group. */
  tell(group: string, code: number, extFields: Record<string, string>, body?: Buffer): void {
    for (const channel of this.#groups.get(group)?.values() ?? [])
      channel.invokeOneway({ code, extFields, body });
  }

  /** Asks one member of a group. */
  ask(
    group: string,
    code: number,
    extFields: Record<string, string>,
    body?: Buffer,
  ): Promise<RemotingCommand> {
    const [channel] = this.#groups.get(group)?.values() ?? [];
    if (channel === undefined) throw new Error(`no member of ${group}`);
    return channel.invoke({ code, extFields, body }, 10_000);
  }

  members(group: string): string[] {
    return [...(this.#groups.get(group)?.keys() ?? [])];
  }

  /** Adds a member that is not there, to take queues from others. */
  addGhost(group: string, id: string): void {
    const [channel] = this.#groups.get(group)?.values() ?? [];
    if (channel === undefined) throw new Error(`no member of ${group}`);
    this.#groups.get(group)?.set(id, channel);
    this.tell(group, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, { consumerGroup: group });
  }

  #handle(request: RemotingCommand, channel: RemotingChannel): Reply | undefined {
    this.requests.push(request);
    const instead = this.intercept(request, channel);
    if (instead === null) return undefined;
    return instead ?? this.#answer(request, channel);
  }

  #answer(request: RemotingCommand, channel: RemotingChannel): Reply | undefined {
    const ext = request.extFields ?? {};
    const { topic = '', queueId = '0' } = ext;
    const queue = this.#topics.get(topic)?.[Number(queueId)];
    switch (request.code) {
      case RequestCode.GET_ROUTEINFO_BY_TOPIC:
        return this.#route(topic);
      case RequestCode.HEART_BEAT:
        return this.#heartbeat(request, channel);
      case RequestCode.UNREGISTER_CLIENT:
        if (ext['consumerGroup'] !== undefined) this.#leave(ext['consumerGroup'], ext['clientID'] ?? '');
        return OK;
      case RequestCode.GET_CONSUMER_LIST_BY_GROUP:
        return { ...OK, body: jsonBody({ consumerIdList: this.members(ext['consumerGroup'] ?? '') }) };
      case RequestCode.SEND_MESSAGE_V2:
      case RequestCode.SEND_BATCH_MESSAGE:
        return this.#send(request);
      case RequestCode.PULL_MESSAGE:
        return this.#pull(request, channel, true);
      case RequestCode.QUERY_CONSUMER_OFFSET: {
        const offset = this.offsets.get(`${ext['consumerGroup']} ${topic} ${queueId}`);
        return offset === undefined ? { code: ResponseCode.QUERY_NOT_FOUND } : offsetReply(offset);
      }
      case RequestCode.UPDATE_CONSUMER_OFFSET:
        this.offsets.set(`${ext['consumerGroup']} ${topic} ${queueId}`, Number(ext['commitOffset']));
        return OK;
      case RequestCode.GET_MAX_OFFSET:
        return offsetReply(queue?.length ?? 0);
      case RequestCode.GET_MIN_OFFSET:
        return offsetReply(0);
      case RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: {
        const index = queue?.findIndex(({ storedMs }) => storedMs >= Number(ext['timestamp'])) ?? 0;
        return offsetReply(index < 0 ? (queue?.length ?? 0) : index);
      }
      case RequestCode.CONSUMER_SEND_MSG_BACK:
        return this.#sendBack(ext);
      case RequestCode.LOCK_BATCH_MQ:
      case RequestCode.UNLOCK_BATCH_MQ:
        return this.#lock(request);
      default:
        return { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED };
    }
  }

  #route(topic: string): Reply {
    const queues = this.#topics.get(topic)?.length;
    if (queues === undefined) return { code: ResponseCode.TOPIC_NOT_EXIST, remark: 'no route' };
    const brokerDatas = [{ brokerAddrs: { 0: this.address }, brokerName: this.name, cluster: 'C' }];
    const queueDatas = [
      { brokerName: this.name, perm: 6, readQueueNums: queues, topicSysFlag: 0, writeQueueNums: queues },
    ];
    return { ...OK, body: jsonBody({ brokerDatas, queueDatas }) };
  }

  #heartbeat(request: RemotingCommand, channel: RemotingChannel): Reply {
    const { clientID, consumers } = readHeartbeat(parseBody(request.body));
    for (const { groupName } of consumers) {
      const members = this.#groups.get(groupName) ?? new Map<string, RemotingChannel>();
      this.#groups.set(groupName, members);
      if (!this.#topics.has(retryTopic(groupName))) this.topic(retryTopic(groupName), 1);
      const isNew = !members.has(clientID);
      members.set(clientID, channel);
      if (isNew) this.tell(groupName, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, { consumerGroup: groupName });
    }
    return { ...OK, extFields: {} };
  }

  #leave(group: string, id: string): void {
    this.#groups.get(group)?.delete(id);
    this.tell(group, RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, { consumerGroup: group });
  }

  #send(request: RemotingCommand): Reply {
    const { b: topic = '', e: queueText = '0', f = '0', i = '', j = '0', m } = request.extFields ?? {};
    const queueId = Number(queueText);
    if (!this.#topics.has(topic)) return { code: ResponseCode.TOPIC_NOT_EXIST, remark: 'no such topic' };
    const storedMs = this.#clock.now();
    const body = request.body ?? Buffer.alloc(0);
    const common = { sysFlag: Number(f), reconsumeTimes: Number(j), storedMs };
    const members =
      m === 'true'
        ? decodeBatch(body, 10_000).map((member) => ({
            ...common,
            body: member.body,
            properties: member.properties.toString(),
          }))
        : [{ ...common, body, properties: i }];
    const offsets = members.map((stored) => this.#store(topic, queueId, stored));
    const msgId = offsets
      .map((offset) => encodeOffsetMessageId(encodeHost('127.0.0.1', this.port), offset))
      .join(',');
    return { ...OK, extFields: { msgId, queueId: queueText, queueOffset: String(offsets[0] ?? 0) } };
  }

  #store(topic: string, queueId: number, stored: Stored): number {
    if (!this.#topics.has(topic)) this.topic(topic, 1);
    const queue = this.#topics.get(topic)?.[queueId];
    if (queue === undefined) throw new Error(`no queue ${queueId} of ${topic}`);
    queue.push(stored);
    this.#log.push(stored);
    for (const held of this.#held.splice(0)) {
      if (held.topic !== topic) this.#held.push(held);
      else {
        const reply = this.#pull(held.request, held.channel, true, held.deadlineMs);
        if (reply !== undefined) held.channel.reply(held.request, reply);
      }
    }
    return queue.length - 1;
  }

  #pull(
    request: RemotingCommand,
    channel: RemotingChannel,
    hold: boolean,
    deadlineMs?: number,
  ): Reply | undefined {
    const ext = request.extFields ?? {};
    const { topic = '', queueId = '0', sysFlag = '0' } = ext;
    const queue = this.#topics.get(topic)?.[Number(queueId)] ?? [];
    const offset = Number(ext['queueOffset']);
    const reply = (code: number, next: number, body?: Buffer): Reply => ({
      code,
      body,
      extFields: {
        suggestWhichBrokerId: '0',
        nextBeginOffset: `${next}`,
        minOffset: '0',
        maxOffset: `${queue.length}`,
      },
    });
    if (offset > queue.length) return reply(ResponseCode.PULL_OFFSET_MOVED, queue.length);
    const found = queue.slice(offset, offset + Number(ext['maxMsgNums']));
    if (found.length > 0) {
      const records = found.map((stored, index) =>
        this.#record(topic, Number(queueId), offset + index, stored),
      );
      return reply(ResponseCode.SUCCESS, offset + found.length, Buffer.concat(records));
    }
    if (!hold || (Number(sysFlag) & 2) === 0) return reply(ResponseCode.PULL_NOT_FOUND, offset);
    const untilMs = deadlineMs ?? this.#clock.monotonic() + Number(ext['suspendTimeoutMillis']);
    const held = { request, channel, topic, deadlineMs: untilMs };
    this.#held.push(held);
    if (deadlineMs === undefined) {
      this.#clock.setTimer(Number(ext['suspendTimeoutMillis']), () => {
        const index = this.#held.findIndex((other) => other.request === request);
        if (index < 0) return;
        this.#held.splice(index, 1);
        channel.reply(request, reply(ResponseCode.PULL_NOT_FOUND, offset));
      });
    }
    return undefined;
  }

  #record(topic: string, queueId: number, offset: number, stored: Stored): Buffer {
    const fixed = Buffer.alloc(88);
    const name = Buffer.from(topic);
    const properties = Buffer.from(stored.properties);
    fixed.writeInt32BE(RECORD_MAGIC_V1, 4);
    fixed.writeInt32BE(queueId, 12);
    fixed.writeBigInt64BE(BigInt(offset), 20);
    fixed.writeBigInt64BE(BigInt(this.#log.indexOf(stored)), 28);
    fixed.writeInt32BE(stored.sysFlag, 36);
    encodeHost('127.0.0.1', 1).copy(fixed, 48);
    fixed.writeBigInt64BE(BigInt(stored.storedMs), 56);
    encodeHost('127.0.0.1', this.port).copy(fixed, 64);
    fixed.writeInt32BE(stored.reconsumeTimes, 72);
    fixed.writeInt32BE(stored.body.length, 84);
    const topicPart = Buffer.concat([Buffer.from([name.length]), name]);
    const length = Buffer.alloc(2);
    length.writeInt16BE(properties.length);
    const record = Buffer.concat([fixed, stored.body, topicPart, length, properties]);
    record.writeInt32BE(record.length, 0);
    return record;
  }

  /** Retries come at once, without their delay; the asked level is in the recorded request. */
  #sendBack(ext: Record<string, string>): Reply {
    const { offset = '0', originTopic = '', group = '', delayLevel, maxReconsumeTimes } = ext;
    const stored = this.#log[Number(offset)];
    if (stored === undefined)
      return { code: ResponseCode.SYSTEM_ERROR, remark: 'look message by offset failed' };
    const properties = decodeProperties(stored.properties);
    properties.set(Property.RETRY_TOPIC, originTopic);
    const dead = Number(delayLevel) < 0 || stored.reconsumeTimes >= Number(maxReconsumeTimes);
    const again = {
      ...stored,
      properties: encodeProperties(properties),
      reconsumeTimes: stored.reconsumeTimes + 1,
    };
    this.#store(dead ? dlqTopic(group) : retryTopic(group), 0, again);
    return OK;
  }

  #lock(request: RemotingCommand): Reply {
    const { clientId, mqSet } = readLockRequest(parseBody(request.body));
    const key = ({ topic, queueId }: MessageQueue): string => `${topic} ${queueId}`;
    if (request.code === RequestCode.UNLOCK_BATCH_MQ) {
      for (const queue of mqSet) if (this.locks.get(key(queue)) === clientId) this.locks.delete(key(queue));
      return OK;
    }
    const granted = mqSet.filter((queue) => (this.locks.get(key(queue)) ?? clientId) === clientId);
    for (const queue of granted) this.locks.set(key(queue), clientId);
    return { ...OK, body: jsonBody({ lockOKMQSet: granted }) };
  }
}

function offsetReply(offset: number): Reply {
  return { ...OK, extFields: { offset: String(offset) } };
}
