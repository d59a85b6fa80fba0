// Recorded conversations of real brokers, clients and mqadmin with the real 5.4.0 name server, replayed against ours:
// answers must agree in code, remark and set of fields. What differs on purpose is listed with its reason.
import { describe, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { decodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { FrameReader } from '@cometmq/remoting/protocol/frame-reader';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import type { Exchange, GoldenConversation, GoldenFrame } from '../../support/golden.ts';
import { exchangesOf, expectedCommand, readConversations } from '../../support/golden.ts';
import type { Peer } from './support/harness.ts';
import { Harness, PORT } from './support/harness.ts';

/** Conversation and request → why our answer differs. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'broker-5.4.0/register-compressed REGISTER_BROKER':
    '5.4.0 compresses the body and says that it did not; its own name server refuses that, ours looks at the bytes',
};

/** Bodies whose content varies: only their members are compared, or not at all. */
const BODY_VARIES: ReadonlySet<string> = new Set(['GET_NAMESRV_CONFIG']);

const REMARK_OF_NOTHING = 'not set any response code';

const conversations = readConversations()
  .map((conversation) => ({
    ...conversation,
    frames: conversation.frames.filter(({ peer }) => peer === 'namesrv'),
  }))
  .filter(({ frames }) => frames.length > 0);

describe.each(conversations.map((conversation) => [conversation.name, conversation] as const))(
  '%s',
  (name, talk) => {
    test('answers agree', async () => {
      const names = new Harness();
      await names.start();
      // Brokers register in their own conversations; for the others one is there, and its topics come and go as recorded.
      const registersItself = talk.frames.some(({ codeName }) => codeName === 'REGISTER_BROKER');
      const broker = registersItself ? undefined : await RecordedBroker.start(names, talk);
      const client = await RawClient.connect(names);
      for (const exchange of exchangesOf(talk)) {
        if (exchange.response === undefined && !exchange.request.oneway) continue; // the client went away
        await broker?.prepare(exchange);
        const answer = await client.replay(exchange);
        if (`${name} ${exchange.request.codeName}` in DIFFERENCES) {
          expect(answer?.code, exchange.request.where).not.toBe(exchange.response?.code);
          continue;
        }
        expect(shapeOf(answer, exchange), exchange.request.where).toEqual(
          shapeOf(exchange.response && expectedCommand(exchange.response), exchange),
        );
      }
    });
  },
);

test('there are conversations of brokers, clients and tools', () => {
  const folders = new Set(conversations.map(({ folder }) => folder));
  for (const folder of [
    'broker-4.9.7',
    'broker-5.4.0',
    'java-5.4.0',
    'go-2.1.2',
    'ali-ons-3.12.0',
    'mqadmin-5.4.0',
  ]) {
    expect(folders).toContain(folder);
  }
});

class RawClient {
  readonly #names: Harness;
  readonly #answers: RemotingCommand[] = [];
  #write: (bytes: Buffer) => void = () => undefined;

  constructor(names: Harness) {
    this.#names = names;
  }

  static async connect(names: Harness): Promise<RawClient> {
    const client = new RawClient(names);
    const reader = new FrameReader((...frame) => client.#answers.push(decodeCommand(...frame)));
    await names.net.connect('127.0.0.1', PORT, 1000, (stream) => {
      client.#write = (bytes) => stream.write(bytes);
      return { data: (chunk) => reader.feed(chunk), drained: () => undefined, closed: () => undefined };
    });
    return client;
  }

  async replay({ request }: Exchange): Promise<RemotingCommand | undefined> {
    this.#write(request.bytes);
    await this.#names.clock.settle();
    const answer = this.#answers.pop();
    expect(answer?.opaque ?? request.opaque, request.where).toBe(request.opaque);
    return answer;
  }
}

/** What must agree. A request that went unanswered because it is one-way has no answer from us either. */
function shapeOf(answer: RemotingCommand | undefined, { request }: Exchange): unknown {
  if (answer === undefined || request.oneway) return answer;
  const remark = answer.remark === REMARK_OF_NOTHING ? undefined : answer.remark;
  const present = answer.extFields && Object.keys(answer.extFields).sort();
  // Ours answers in the serialization of the request; the binary one can't tell no fields from an empty set of them.
  const fields = request.serialize === 'ROCKETMQ' ? (present ?? []) : present;
  return { code: answer.code, remark, fields, body: bodyShape(answer.body, request.codeName) };
}

function bodyShape(body: Buffer | undefined, codeName: string): unknown {
  if (body === undefined) return undefined;
  if (BODY_VARIES.has(codeName)) return 'varies';
  const value = parseBody(body) as Record<string, unknown>;
  const topics = value['topicList'];
  if (Array.isArray(topics)) return { ...value, topicList: [...(topics as string[])].sort() };
  return { ...value };
}

interface RecordedRoute {
  readonly queueDatas?: readonly { perm: number; readQueueNums: number; writeQueueNums: number }[];
  readonly topicList?: readonly string[];
}

/** The broker of a conversation, with the topics that the recorded answers show. */
class RecordedBroker {
  readonly #peer: Peer;
  readonly #topics = new Map(
    [topicConfig('TBW102', 8, 7), topicConfig('SELF_TEST_TOPIC', 1)].map((t) => [t.topicName, t]),
  );
  #counter = 1;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  static async start(names: Harness, talk: GoldenConversation): Promise<RecordedBroker> {
    const broker = new RecordedBroker(await names.connect());
    for (const { response } of exchangesOf(talk)) {
      for (const name of recordedRoute(response).topicList ?? []) {
        if (!broker.#topics.has(name)) broker.#topics.set(name, topicConfig(name, 1));
      }
    }
    await broker.#register();
    return broker;
  }

  /** Has the topic of a route request as it was recorded. */
  async prepare({ request, response }: Exchange): Promise<void> {
    const topic = request.header.extFields?.['topic'];
    if (request.codeName !== 'GET_ROUTEINFO_BY_TOPIC' || topic === undefined) return;
    const queues = recordedRoute(response).queueDatas?.[0];
    if (queues === undefined) {
      this.#topics.delete(String(topic));
      await this.#peer.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, { topic: String(topic) });
    } else {
      const { perm, readQueueNums, writeQueueNums } = queues;
      this.#topics.set(String(topic), {
        ...topicConfig(String(topic), 1),
        perm,
        readQueueNums,
        writeQueueNums,
      });
    }
    await this.#register();
  }

  async #register(): Promise<void> {
    const topics = [...this.#topics.values()];
    await this.#peer.register({ topics, brokerAddr: '127.0.0.1:10911', counter: this.#counter++ });
  }
}

function recordedRoute(response: GoldenFrame | undefined): RecordedRoute {
  const body = response && expectedCommand(response).body;
  return body === undefined || response?.request === 'GET_NAMESRV_CONFIG'
    ? {}
    : (parseBody(body) as RecordedRoute);
}
