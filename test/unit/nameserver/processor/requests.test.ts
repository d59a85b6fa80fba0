import { beforeEach, describe, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { registrationCrc, writeRegisterBrokerBody } from '@cometmq/remoting/protocol/body/register-broker';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { Peer } from '../support/harness.ts';
import { Harness, TOPICS, identityFields } from '../support/harness.ts';

const KV = { namespace: 'ORDER_TOPIC_CONFIG', key: 'TopicTest' };

let names: Harness;
let admin: Peer;

beforeEach(async () => {
  names = new Harness();
  await names.start({}, '/data');
  admin = await names.connect();
});

describe('registration', () => {
  const body = writeRegisterBrokerBody({
    dataVersion: { counter: 1, stateVersion: 0, timestamp: 1 },
    topics: TOPICS,
  });
  const fields = { ...identityFields({}), haServerAddr: '10.0.0.1:10912' };
  const register = (changes: Record<string, string>, content = body) =>
    admin.ask(RequestCode.REGISTER_BROKER, { ...fields, ...changes }, content);

  test('a body with another checksum is refused', async () => {
    const answer = await register({ bodyCrc32: String((registrationCrc(body) + 1) & 0x7fffffff) });
    expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: 'crc32 not match' });
    expect(await names.route('TopicTest')).toBeUndefined();
  });

  test('no checksum, or 0, is not checked', async () => {
    expect((await register({ bodyCrc32: '0' })).code).toBe(0);
    expect((await register({})).code).toBe(0);
  });

  test.each([
    ['no body', {}, Buffer.alloc(0)],
    ['no JSON', {}, Buffer.from('not json')],
    ['a cut zlib stream', { compressed: 'true' }, Buffer.from('789c', 'hex')],
    ['no broker name', { brokerName: '' }, body],
    ['an address without a port', { brokerAddr: '10.0.0.1' }, body],
    ['an address that breaks routes', { brokerAddr: '10.0.0.1,x:1' }, body],
    ['a negative id', { brokerId: '-1' }, body],
    ['an id that is no number', { brokerId: 'zero' }, body],
    ['an endless name', { clusterName: 'c'.repeat(256) }, body],
  ])('%s is refused with a code', async (_what, changes, content) => {
    const answer = await register(changes, content);
    expect([ResponseCode.SYSTEM_ERROR, ResponseCode.INVALID_PARAMETER]).toContain(answer.code);
    expect(answer.remark).toBeTruthy();
    expect(await names.route('TopicTest')).toBeUndefined();
  });

  test.each([
    ['illegal topic name', topicConfig('a b', 1)],
    ['absurd queue number', topicConfig('t', 2 ** 30)],
    ['negative queue number', topicConfig('t', -1)],
  ])('%s is refused', async (_what, topic) => {
    expect((await admin.register({ topics: [...TOPICS, topic] })).code).toBe(ResponseCode.INVALID_PARAMETER);
  });

  test('a topic called __proto__ is a topic', async () => {
    await names.broker({ topics: [...TOPICS, topicConfig('__proto__', 1)] });
    expect(await names.route('__proto__')).toBeDefined();
  });

  test('is answered with the order configuration', async () => {
    await admin.ask(RequestCode.PUT_KV_CONFIG, { ...KV, value: 'broker-a:4' });
    const broker = await names.connect();
    expect((await broker.register()).body?.toString()).toBe('{"table":{"TopicTest":"broker-a:4"}}');
  });
});

describe('order configuration', () => {
  test('is in routes only where orderMessageEnable is set', async () => {
    await names.broker();
    await admin.ask(RequestCode.PUT_KV_CONFIG, { ...KV, value: 'broker-a:4' });
    expect((await names.route('TopicTest'))?.orderTopicConf).toBeUndefined();
    const changed = await admin.ask(
      RequestCode.UPDATE_NAMESRV_CONFIG,
      {},
      Buffer.from('orderMessageEnable=true\n'),
    );
    expect(changed.code).toBe(0);
    expect((await names.route('TopicTest'))?.orderTopicConf).toBe('broker-a:4');
    await admin.ask(RequestCode.DELETE_KV_CONFIG, KV);
    expect((await names.route('TopicTest'))?.orderTopicConf).toBeUndefined();
  });

  test('survives a restart when there is a data directory', async () => {
    await admin.ask(RequestCode.PUT_KV_CONFIG, { ...KV, value: 'broker-a:4' });
    await names.server?.stop();
    names.disk.crash();
    await names.start({}, '/data');
    const again = await names.connect();
    expect((await again.ask(RequestCode.GET_KV_CONFIG, KV)).extFields).toEqual({ value: 'broker-a:4' });
  });

  test('needs a namespace and a key', async () => {
    const answer = await admin.ask(RequestCode.PUT_KV_CONFIG, { namespace: '', key: '', value: '' });
    expect(answer).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: 'namespace or key is null' });
  });
});

describe('settings', () => {
  const update = (text: string) => admin.ask(RequestCode.UPDATE_NAMESRV_CONFIG, {}, Buffer.from(text));

  test.each([
    ['kvConfigPath=/etc/passwd', ResponseCode.NO_PERMISSION, 'Can not update config in black list.'],
    [
      'orderMessageEnable=true\nrocketmqHome=/',
      ResponseCode.NO_PERMISSION,
      'Can not update config in black list.',
    ],
    ['listenPort=1', ResponseCode.NO_PERMISSION, "listenPort can't be changed"],
    ['__proto__=1', ResponseCode.NO_PERMISSION, "__proto__ can't be changed"],
    ['orderMessageEnable=yes', ResponseCode.INVALID_PARAMETER, 'must be true or false'],
  ])('%j is refused and nothing changes', async (text, code, remark) => {
    const answer = await update(text);
    expect(answer.code).toBe(code);
    expect(answer.remark).toContain(remark);
    const settings = (await admin.ask(RequestCode.GET_NAMESRV_CONFIG)).body?.toString();
    expect(settings).toContain('orderMessageEnable=false\n');
  });

  test('topic lists can be switched off', async () => {
    await update('enableAllTopicList=false\nenableTopicList=false');
    for (const code of [RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, RequestCode.GET_UNIT_TOPIC_LIST]) {
      expect(await admin.ask(code)).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: 'disable' });
    }
  });
});

describe('topic lists', () => {
  test('by kind', async () => {
    const flagged = (name: string, topicSysFlag: number) => ({ ...topicConfig(name, 1), topicSysFlag });
    await names.broker({
      topics: [flagged('plain', 0), flagged('unit', 1), flagged('sub', 2), flagged('both', 3)],
    });
    const list = async (code: number, fields = {}) => (await admin.ask(code, fields)).body?.toString();
    expect(await list(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER)).toBe(
      '{"topicList":["both","plain","sub","unit"]}',
    );
    expect(await list(RequestCode.GET_UNIT_TOPIC_LIST)).toBe('{"topicList":["both","unit"]}');
    expect(await list(RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST)).toBe('{"topicList":["both","sub"]}');
    expect(await list(RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST)).toBe('{"topicList":["sub"]}');
    expect(await list(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS)).toBe(
      '{"brokerAddr":"10.0.0.1:10911","topicList":["DefaultCluster","broker-a"]}',
    );
    expect(await list(RequestCode.GET_TOPICS_BY_CLUSTER, { cluster: 'no' })).toBe('{"topicList":[]}');
  });

  test('of an empty name server are empty, not missing', async () => {
    expect((await admin.ask(RequestCode.GET_BROKER_CLUSTER_INFO)).body?.toString()).toBe(
      '{"brokerAddrTable":{},"clusterAddrTable":{}}',
    );
    expect((await admin.ask(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS)).body?.toString()).toBe(
      '{"topicList":[]}',
    );
  });
});

describe('start', () => {
  test('with waitSecondsForService no route is told before the brokers had time to come back', async () => {
    await names.server?.stop();
    await names.start({ waitSecondsForService: 45 });
    const client = await names.connect();
    const ask = () => client.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'TopicTest' });
    await names.broker();
    expect(await ask()).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: 'name server not ready' });
    await names.clock.advance(45_000);
    expect((await ask()).code).toBe(0);
  });

  test('a taken port is told', async () => {
    const other = new Harness();
    await expect(
      other.net
        .listen({ host: '127.0.0.1', port: 9876 }, () => expect.unreachable())
        .then(() => other.start()),
    ).rejects.toMatchObject({ kind: 'SERVICE_NOT_AVAILABLE' });
  });

  test('stopping leaves no timer behind', async () => {
    await names.broker();
    await names.server?.stop();
    await names.clock.settle();
    admin.close();
    await names.clock.settle();
    await names.clock.advance(1000);
    expect(names.clock.timerCount).toBe(0);
  });
});
