// Input that no client should send, against real servers over the loopback interface. Each case gets a coded error, a
// closed connection or silence; the server goes on answering, stores nothing and allocates nothing to speak of.
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { topicNameFault } from '@cometmq/common/topic/names';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { readNames } from '@cometmq/remoting/protocol/body/name-list';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { badInputs, type BadInput, type Door } from '../support/bad-input.ts';
import { runBadInput, type Target } from '../support/bad-input-runner.ts';
import { LoopbackCluster } from '../support/loopback-cluster.ts';
import { WireClient } from '../support/wire-client.ts';

const TOPIC = 'BadInput';
/** Registrations are forgotten when the server sees the connection close; it is asked this often. */
const ASKED_MAX = 1000;
/** What a broker's files are called; nothing that clients name. */
const FILE_NAME = /^broker(?:\/[\w-]+)*(?:\.\w+)*$/;

let cluster: LoopbackCluster;
let namesrv: WireClient;

async function topicList(client: WireClient): Promise<readonly string[]> {
  const { body } = await client.ask({ code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER });
  return readNames(parseBody(body), 'topicList');
}

async function clusterNames(client: WireClient): Promise<string> {
  const { body } = await client.ask({ code: RequestCode.GET_BROKER_CLUSTER_INFO });
  return Object.keys(
    (JSON.parse(body?.toString() ?? '{}') as { clusterAddrTable: object }).clusterAddrTable,
  ).join();
}

class NameServerTarget implements Target {
  get port(): number {
    return cluster.namesrv.port;
  }

  async probe(client: WireClient): Promise<void> {
    const answer = await client.ask({
      code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
      extFields: { topic: 'probe' },
    });
    expect(answer.code).toBe(17);
  }

  async expectClean(client: WireClient): Promise<void> {
    let clusters = '';
    for (let asked = 0; asked < ASKED_MAX && clusters !== 'DefaultCluster'; asked++)
      clusters = await clusterNames(client);
    expect(clusters).toBe('DefaultCluster');
  }
}

class BrokerTarget implements Target {
  #stored = 0;

  get port(): number {
    return cluster.broker.port;
  }

  async probe(client: WireClient): Promise<void> {
    const answer = await client.ask({
      code: RequestCode.GET_MIN_OFFSET,
      extFields: { topic: TOPIC, queueId: '0' },
    });
    expect(answer.code).toBe(0);
  }

  /** Makes the topic, by a send to a topic that does not exist yet. */
  async prepare(): Promise<void> {
    const client = await WireClient.open(this.port);
    const numbers = { d: '1', e: '0', f: '0', g: '0', h: '0' };
    const { code } = await client.ask({
      code: RequestCode.SEND_MESSAGE_V2,
      extFields: { a: 'BadInputProducer', b: TOPIC, c: 'TBW102', ...numbers },
      body: Buffer.from('first'),
    });
    expect(code).toBe(0);
    this.#stored = await this.#maxOffset(client);
    client.close();
  }

  async expectClean(client: WireClient, item: BadInput): Promise<void> {
    const stored = await this.#maxOffset(client);
    const added = stored - this.#stored;
    this.#stored = stored;
    expect(added, 'messages stored').toBeLessThanOrEqual(item.stored ?? 0);
    const topics = await topicList(namesrv);
    expect(topics.filter((topic) => topicNameFault(topic) !== undefined || topic === 'BadTarget')).toEqual(
      [],
    );
  }

  async #maxOffset(client: WireClient): Promise<number> {
    const answer = await client.ask({
      code: RequestCode.GET_MAX_OFFSET,
      extFields: { topic: TOPIC, queueId: '0' },
    });
    return Number(answer.extFields?.['offset']);
  }
}

function byGroup(items: readonly BadInput[]): [string, BadInput[]][] {
  const groups = new Map<string, BadInput[]>();
  for (const item of items) groups.set(item.group, [...(groups.get(item.group) ?? []), item]);
  return [...groups];
}

const brokerTarget = new BrokerTarget();
const TARGETS: readonly (readonly [Door, Target])[] = [
  ['namesrv', new NameServerTarget()],
  ['broker', brokerTarget],
];

beforeAll(async () => {
  cluster = await LoopbackCluster.start();
  namesrv = await WireClient.open(cluster.namesrv.port);
  await brokerTarget.prepare();
});

afterAll(async () => {
  namesrv.close();
  await cluster.stop();
});

describe.each(TARGETS)('%s', (door, target) => {
  describe.each(byGroup(badInputs(door)))('%s', (_group, items) => {
    test.each(items.map((item) => [item.name, item] as const))('%s', (_name, item) =>
      runBadInput(target, item),
    );
  });
});

test('what was stored all the same can be read', async () => {
  const client = await WireClient.open(cluster.broker.port);
  let queueOffset = 0;
  for (;;) {
    const limits = { maxMsgNums: '32', suspendTimeoutMillis: '0', commitOffset: '0', sysFlag: '4' };
    const subscription = { subscription: '*', expressionType: 'TAG', subVersion: '9000000000000' };
    const place = {
      consumerGroup: 'BadInputReader',
      topic: TOPIC,
      queueId: '0',
      queueOffset: String(queueOffset),
    };
    const { code, body } = await client.ask({
      code: RequestCode.PULL_MESSAGE,
      extFields: { ...place, ...limits, ...subscription },
    });
    if (code !== 0) {
      expect(code).toBe(ResponseCode.PULL_NOT_FOUND);
      break;
    }
    for (const message of decodeMessages(body!)) {
      expect(message).toMatchObject({ topic: TOPIC, queueOffset, bodyCrc: crc32(message.body) & 0x7fffffff });
      queueOffset++;
    }
  }
  client.close();
  expect(queueOffset).toBeGreaterThan(40);
});

test('no client names a file', () => {
  expect(cluster.files().filter((path) => !FILE_NAME.test(path))).toEqual([]);
});
