// Who may become, replace and remove a live broker (docs/name-server.md).
import { beforeEach, describe, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { Harness, TOPICS, identityFields } from '../support/harness.ts';

let names: Harness;

beforeEach(async () => {
  names = new Harness();
  await names.start();
});

async function masterOf(brokerName = 'broker-a'): Promise<string | undefined> {
  const client = await names.connect();
  const { body } = await client.ask(RequestCode.GET_BROKER_CLUSTER_INFO);
  const info = parseBody(body) as {
    brokerAddrTable: Record<string, { brokerAddrs: Record<string, string> }>;
  };
  return info.brokerAddrTable[brokerName]?.brokerAddrs['0'];
}

describe('impostors', () => {
  test('another address does not get the name and id of a live broker', async () => {
    await names.broker();
    const impostor = await names.connect();
    const answer = await impostor.register({ brokerAddr: '10.0.0.2:10911' });
    expect(answer.code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect(answer.remark).toContain('DefaultCluster/broker-a/0 at 10.0.0.1:10911');
    expect(answer.remark).toContain('120 s');
    impostor.close();
    await names.clock.settle();
    expect(await masterOf()).toBe('10.0.0.1:10911');
  });

  test('another broker does not get the address of a live broker', async () => {
    await names.broker();
    const impostor = await names.connect();
    const answer = await impostor.register({ brokerName: 'broker-b' });
    expect(answer.code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect(await masterOf()).toBe('10.0.0.1:10911');
    expect(await masterOf('broker-b')).toBeUndefined();
  });

  test('a broker name belongs to one cluster', async () => {
    await names.broker();
    const other = await names.connect();
    const answer = await other.register({ clusterName: 'Other', brokerId: 1, brokerAddr: '10.0.0.2:10911' });
    expect(answer.code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect(answer.remark).toContain('unique across clusters');
  });

  test('topics of a live broker change over its own connection only', async () => {
    await names.broker();
    const impostor = await names.connect();
    const queueDatas = [
      { brokerName: 'broker-a', perm: 0, readQueueNums: 1, writeQueueNums: 1, topicSysFlag: 0 },
    ];
    const body = Buffer.from(JSON.stringify({ brokerDatas: [], queueDatas }));
    const answer = await impostor.ask(RequestCode.REGISTER_TOPIC_IN_NAMESRV, { topic: 'TopicTest' }, body);
    expect(answer.code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect((await names.route('TopicTest'))?.queueDatas[0]?.perm).toBe(6);
  });

  test('heartbeats over another connection do not keep a dead broker alive', async () => {
    const broker = await names.broker({ heartbeatTimeoutMs: 10_000 });
    const other = await names.connect();
    for (let second = 0; second < 16; second++) {
      await names.clock.advance(1000);
      await other.heartbeat();
    }
    expect(await masterOf()).toBeUndefined();
    expect(broker.channel.isClosed).toBe(true);
  });

  test('a dead broker is in nobody’s way, even before the next scan', async () => {
    await names.broker({ heartbeatTimeoutMs: 1000 });
    await names.clock.advance(1500);
    const successor = await names.connect();
    expect((await successor.register({ brokerAddr: '10.0.0.2:10911' })).code).toBe(0);
    expect(await masterOf()).toBe('10.0.0.2:10911');
  });
});

describe('restarts', () => {
  test('the same address takes over at once; what the old connection says or does later is ignored', async () => {
    const old = await names.broker();
    const restarted = await names.broker();
    expect((await old.unregister()).code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect(await masterOf()).toBe('10.0.0.1:10911');
    old.close();
    await names.clock.settle();
    expect(await masterOf()).toBe('10.0.0.1:10911');
    expect(await names.route('TopicTest')).toBeDefined();
    expect(names.warnings).toContain(
      'broker registered again over another connection, which holds it from now on',
    );
    restarted.close();
    await names.clock.settle();
    expect(await masterOf()).toBeUndefined();
  });

  test('a new address registers as soon as the old connection is closed', async () => {
    const old = await names.broker();
    old.close();
    await names.clock.settle();
    await names.broker({ brokerAddr: '10.0.0.2:10911' });
    expect(await masterOf()).toBe('10.0.0.2:10911');
  });

  test('a reconnected broker that only asks for its data version is told to register', async () => {
    await names.broker();
    const reconnected = await names.connect();
    const version = Buffer.from('{"counter":1,"stateVersion":0,"timestamp":1}');
    const ask = () => reconnected.ask(RequestCode.QUERY_DATA_VERSION, identityFields({}), version);
    expect((await ask()).extFields?.['changed']).toBe('true');
    await reconnected.register();
    expect((await ask()).extFields?.['changed']).toBe('false');
  });

  test('unregistering twice, or what was never registered, is fine', async () => {
    const broker = await names.broker();
    expect((await broker.unregister()).code).toBe(0);
    expect((await broker.unregister()).code).toBe(0);
    expect(await names.route('TopicTest')).toBeUndefined();
  });

  test('an unregistration with another identity counts for nothing', async () => {
    const broker = await names.broker();
    expect((await broker.unregister({ brokerId: 1 })).code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect((await broker.unregister({ brokerAddr: '10.0.0.9:10911' })).code).toBe(0);
    expect(await masterOf()).toBe('10.0.0.1:10911');
  });
});

describe('role changes', () => {
  test('a higher epoch replaces the master, and the old master cannot come back under it', async () => {
    const old = await names.broker({ stateVersion: 3 });
    await names.broker({ brokerAddr: '10.0.0.2:10911', stateVersion: 4 });
    expect(await masterOf()).toBe('10.0.0.2:10911');
    expect((await old.register({ stateVersion: 3 })).code).toBe(ResponseCode.ILLEGAL_OPERATION);
    old.close();
    await names.clock.settle();
    expect(await masterOf()).toBe('10.0.0.2:10911');
  });

  test('a replica that becomes the master keeps its address, and its topics stay', async () => {
    const broker = await names.broker({ brokerId: 1, enableActingMaster: false });
    await broker.register({
      brokerId: 0,
      topics: [topicConfig('Late', 1)],
      counter: 2,
      enableActingMaster: false,
    });
    const route = await names.route('TopicTest');
    expect(route?.brokerDatas[0]?.brokerAddrs).toEqual({ 0: '10.0.0.1:10911' });
    expect(await names.route('Late')).toBeDefined();
  });

  test('a renamed broker on its own connection leaves nothing of the old name', async () => {
    const broker = await names.broker();
    await broker.register({ brokerName: 'renamed' });
    expect(await masterOf()).toBeUndefined();
    const route = await names.route('TopicTest');
    expect(route?.queueDatas.map(({ brokerName }) => brokerName)).toEqual(['renamed']);
  });

  test('replicas learn their master; their topics do not count beside it', async () => {
    await names.broker();
    const replica = await names.connect();
    const topics = [...TOPICS, topicConfig('OnlyOnReplica', 1)];
    const answer = await replica.register({ brokerId: 1, brokerAddr: '10.0.0.3:10911', topics });
    expect(answer.extFields).toEqual({ masterAddr: '10.0.0.1:10911', haServerAddr: '10.0.0.1:10912' });
    expect(await names.route('OnlyOnReplica')).toBeUndefined();
    expect((await names.route('TopicTest'))?.brokerDatas[0]?.brokerAddrs).toEqual({
      0: '10.0.0.1:10911',
      1: '10.0.0.3:10911',
    });
  });

  test('a stand-in for the master is not written to', async () => {
    const master = await names.broker({ enableActingMaster: true });
    await names.broker({ enableActingMaster: true, brokerId: 1, brokerAddr: '10.0.0.3:10911' });
    expect((await names.route('TopicTest'))?.queueDatas[0]?.perm).toBe(6);
    master.close();
    await names.clock.settle();
    expect((await names.route('TopicTest'))?.queueDatas[0]?.perm).toBe(4);
  });
});
