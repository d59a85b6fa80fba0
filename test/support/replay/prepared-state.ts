// Brings our servers into the state in which a recorded conversation found the real ones.
import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import type { StoredMessage } from '@cometmq/common/message/message';
import { encodeProperties } from '@cometmq/common/message/properties';
import { encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import type { ExtFields, RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { replyCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { Exchange } from '../golden.ts';
import { bodyOf } from '../golden.ts';
import { WireClient } from '../wire-client.ts';
import { isScenarioTopic, rename } from './names.ts';
import type { World } from './replay.ts';
import type { Place, ReplayState } from './state.ts';
import { placeOf } from './state.ts';

/** Properties that would send a message elsewhere, or that the broker adds itself. */
const NOT_COPIED = /^(?:DELAY|REAL_\w+|TRAN_MSG|TIMER_\w+|MSG_REGION|CLUSTER|TRACE_ON|WAIT)$/;
const ROUTE_ATTEMPTS_MAX = 2000;

export class PreparedState {
  readonly #world: World;
  readonly #state: ReplayState;
  readonly #exchanges: readonly Exchange[];
  readonly #suffix: string;
  readonly #clients: WireClient[] = [];
  /** Our physical offset of the message at a recorded place. */
  readonly #atPlace = new Map<Place, number>();
  /** What became of a message that the conversation sent, by recorded physical offset. */
  readonly #sent = new Map<number, { physicalOffset: number; queueOffset: number }>();

  constructor(world: World, state: ReplayState, exchanges: readonly Exchange[], suffix: string) {
    this.#world = world;
    this.#state = state;
    this.#exchanges = exchanges;
    this.#suffix = suffix;
  }

  async prepare(): Promise<void> {
    const broker = await this.#open(this.#world.brokerPort);
    const namesrv = await this.#open(this.#world.namesrvPort);
    for (const { topic, queues, perm } of this.#state.topics)
      await this.#createTopic(broker, topic, queues, perm);
    for (const group of this.#state.groups) await this.#createGroup(broker, group);
    for (const [queue, count] of this.#state.stored) await this.#fill(broker, queue, count);
    for (const { group, topic, queueId, offset } of this.#state.offsets) {
      const fields = {
        consumerGroup: this.#rename(group),
        topic: this.#rename(topic),
        queueId,
        commitOffset: offset,
      };
      await broker.ask({ code: RequestCode.UPDATE_CONSUMER_OFFSET, extFields: fields });
    }
    for (const entry of this.#state.kvConfig) {
      await namesrv.ask({ code: RequestCode.PUT_KV_CONFIG, extFields: { ...entry } });
    }
    await this.#connectResidents();
    await this.#awaitRoutes(namesrv);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  /** Our physical offset of a message, given the recorded one; the same number when it is of none that we know. */
  physicalOffset(recorded: number): number {
    const place = this.#state.places.get(recorded);
    return this.#sent.get(recorded)?.physicalOffset ?? this.#atPlace.get(place ?? '') ?? recorded;
  }

  queueOffset(recordedPhysicalOffset: number): number | undefined {
    return this.#sent.get(recordedPhysicalOffset)?.queueOffset;
  }

  sent(recordedId: string, ourId: string, queueOffset: number): void {
    const recorded = decodeOffsetMessageId(recordedId);
    const ours = decodeOffsetMessageId(ourId);
    if (recorded !== undefined && ours !== undefined) {
      this.#sent.set(recorded.physicalOffset, { physicalOffset: ours.physicalOffset, queueOffset });
    }
  }

  /** CHECK_TRANSACTION_STATE tells where the half message is now. */
  checked(recorded: Readonly<Record<string, string | number | boolean>>, ours: ExtFields): void {
    const { commitLogOffset, tranStateTableOffset } = ours;
    if (commitLogOffset === undefined || tranStateTableOffset === undefined) return;
    const place = { physicalOffset: Number(commitLogOffset), queueOffset: Number(tranStateTableOffset) };
    this.#sent.set(Number(recorded['commitLogOffset']), place);
  }

  seen({ topic, queueId, queueOffset, physicalOffset }: StoredMessage): void {
    this.#atPlace.set(placeOf(topic.replaceAll(this.#suffix, ''), queueId, queueOffset), physicalOffset);
  }

  async #open(port: number): Promise<WireClient> {
    const client = await WireClient.open(port);
    this.#clients.push(client);
    return client;
  }

  #rename(name: string): string {
    return rename(name, this.#suffix);
  }

  async #createTopic(broker: WireClient, topic: string, queues: number, perm: number): Promise<void> {
    await succeed(broker, {
      code: RequestCode.UPDATE_AND_CREATE_TOPIC,
      extFields: {
        topic: this.#rename(topic),
        defaultTopic: 'TBW102',
        readQueueNums: String(queues),
        writeQueueNums: String(queues),
        perm: String(perm),
        topicFilterType: 'SINGLE_TAG',
        topicSysFlag: '0',
        order: 'false',
      },
    });
  }

  async #createGroup(broker: WireClient, group: string): Promise<void> {
    const body = Buffer.from(
      JSON.stringify({ groupName: this.#rename(group), consumeEnable: true, retryQueueNums: 1 }),
    );
    await succeed(broker, { code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body });
  }

  async #fill(broker: WireClient, queue: string, count: number): Promise<void> {
    const [topic = '', queueId = ''] = queue.split('/');
    if (!isScenarioTopic(topic)) return;
    for (let offset = 0; offset < count; offset++) {
      const place = placeOf(topic, queueId, offset);
      const answer = await succeed(
        broker,
        fillerRequest(this.#rename(topic), queueId, this.#state.shown.get(place)),
      );
      const stored = decodeOffsetMessageId(answer.extFields?.['msgId'] ?? '');
      if (stored !== undefined) this.#atPlace.set(place, stored.physicalOffset);
    }
  }

  /** Clients of other conversations, which the tools of this one ask about. */
  async #connectResidents(): Promise<void> {
    const found = (codes: readonly number[]): Exchange | undefined =>
      this.#exchanges.find(({ request, response }) => codes.includes(request.code) && response?.code === 0);
    const heartbeats = this.#exchanges.some(({ request }) => request.code === RequestCode.HEART_BEAT);
    const about = found([203, 204, 307, 328]);
    if (about === undefined || (heartbeats && !about.request.where.startsWith('mqadmin'))) return;
    const resident = await this.#open(this.#world.brokerPort);
    const subscription = { topic: 'AdmTopic', subString: '*', subVersion: 1, expressionType: 'TAG' };
    const consumer = {
      groupName: 'AdmGroup',
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      subscriptionDataSet: [subscription],
    };
    const clients = [
      { clientID: '127.0.0.1@admc', producerDataSet: [], consumerDataSet: [consumer] },
      { clientID: '127.0.0.1@admp', producerDataSet: [{ groupName: 'AdmProducer' }], consumerDataSet: [] },
    ];
    for (const client of clients) {
      const body = Buffer.from(this.#rename(JSON.stringify(client)));
      await succeed(resident, { code: RequestCode.HEART_BEAT, body });
    }
    const info = found([307]);
    resident.onRequest = (call) => {
      if (call.oneway) return;
      const recorded = info?.response;
      const answer = { code: 0, remark: recorded?.header.remark, body: recorded && bodyOf(recorded) };
      resident.send(encodeCommand(replyCommand(answer, call.opaque, 'JSON')));
    };
  }

  /** The broker tells the name server a moment after it made a topic. */
  async #awaitRoutes(namesrv: WireClient): Promise<void> {
    for (const { topic } of this.#state.topics) {
      const request = { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic: this.#rename(topic) } };
      let attempts = 0;
      while ((await namesrv.ask(request)).code !== 0) {
        if (++attempts > ROUTE_ATTEMPTS_MAX) throw new Error(`no route for ${topic}`);
      }
    }
  }
}

async function succeed(client: WireClient, request: Request): Promise<RemotingCommand> {
  const answer = await client.ask(request);
  if (answer.code !== 0)
    throw new Error(`request ${request.code} was refused: ${answer.code} ${answer.remark ?? ''}`);
  return answer;
}

function fillerRequest(topic: string, queueId: string, shown: StoredMessage | undefined): Request {
  const properties = [...(shown?.properties ?? [])].filter(([name]) => !NOT_COPIED.test(name));
  return {
    code: RequestCode.SEND_MESSAGE_V2,
    extFields: {
      a: 'replay',
      b: topic,
      c: 'TBW102',
      d: '4',
      e: queueId,
      f: String((shown?.sysFlag ?? 0) & 0x701),
      g: '1700000000000',
      h: '0',
      i: encodeProperties(new Map(properties)),
      j: '0',
      k: 'false',
    },
    body: shown === undefined || shown.body.length === 0 ? Buffer.from('filler') : Buffer.from(shown.body),
  };
}
