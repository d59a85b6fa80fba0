import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver, SendResult } from './support/driver.ts';
import { waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

/** The real mqadmin 5.4.0 against the cluster. It always ends with status 0: only what it prints tells. */
describe('mqadmin', { timeout: 60_000 }, () => {
  let world: World;
  let driver: Driver;
  let broker: string; // host:port
  let topic: string;
  let group: string;
  let consumer: string;
  let producer: string;
  let keys: string;
  let sent: SendResult & { readonly offsetMsgId: string };

  const cluster = 'DefaultCluster';
  const name = 'broker-a';
  const run = (...args: string[]): Promise<string> => world.mqadmin(...args);
  /** Statistics and indexes follow a moment later: asks until the output shows it. */
  const until = (pattern: RegExp, ...args: string[]): Promise<string> => {
    let output = '';
    return waitUntil(
      () => `${args.join(' ')} shows ${String(pattern)}:\n${output.slice(0, 2000)}`,
      async () => pattern.test((output = await run(...args))) && output,
      20_000,
      500,
    );
  };

  beforeAll(async () => {
    world = await theWorld();
    driver = world.driver('java-5.4.0');
    broker = world.cluster.brokers.find((b) => b.name === name)?.address ?? '';
    topic = await world.topic('admin');
    [group, consumer, producer] = [world.name('GID_admin'), world.name('c-admin'), world.name('p-admin')];
    keys = world.name('key');
    await driver.startProducer(producer, world.namesrv);
    await driver.startConsumer(consumer, world.namesrv, { group, topic });
    sent = (await driver.send(producer, topic, {
      body: 'hello admin',
      tag: 'TagA',
      keys,
      queueId: 2,
    })) as typeof sent;
    for (const n of [1, 2, 3])
      await driver.send(producer, topic, { body: `more ${n}`, tag: 'TagB', queueId: 3 });
    await driver.waitForMessages(consumer, 'four', (m) => m.length >= 4);
  }, 600_000);

  afterAll(async () => {
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  });

  test('clusterList', async () => {
    expect(await run('clusterList')).toMatch(
      new RegExp(`^${cluster}\\s+${name}\\s+0\\s+${broker}\\s+\\S+`, 'm'),
    );
    expect(await run('clusterList', '-m')).toMatch(new RegExp(`^${cluster}\\s+${name}(\\s+\\d+){4}`, 'm'));
  });

  test('updateTopic, topicList, topicRoute, deleteTopic', async () => {
    const other = world.name('admin-b');
    const created = await run('updateTopic', '-b', broker, '-t', other, '-r', '3', '-w', '3');
    expect(created).toContain(`create topic to ${broker} success.`);
    expect(created).toMatch(/readQueueNums=3, writeQueueNums=3, perm=RW-/);
    await until(new RegExp(`^${other}\\s*$`, 'm'), 'topicList');
    expect(await run('topicList', '-c')).toMatch(new RegExp(`^${cluster}\\s+${topic}\\s+${group}\\s*$`, 'm'));
    const route = await run('topicRoute', '-t', other);
    expect(route).toMatch(/"writeQueueNums":\s*3/);
    expect(route).toMatch(new RegExp(`"?0"?:\\s*"${broker}"`));
    expect(await run('updateTopic', '-b', broker, '-t', 'no/slash')).toMatch(/illegal characters/);
    const deleted = await run('deleteTopic', '-c', cluster, '-t', other);
    expect(deleted).toContain(`delete topic [${other}] from cluster [${cluster}] success.`);
    expect(deleted).toContain(`delete topic [${other}] from NameServer success.`);
    await until(
      /CODE: 17\s+DESC: No topic route info in name server for the topic/,
      'topicRoute',
      '-t',
      other,
    );
  });

  test('topicStatus', async () => {
    const output = await until(
      new RegExp(`^${name}\\s+2\\s+0\\s+1\\s+20\\d\\d-`, 'm'),
      'topicStatus',
      '-t',
      topic,
    );
    expect(output).toMatch(new RegExp(`^${name}\\s+3\\s+0\\s+3\\s+20\\d\\d-`, 'm'));
    expect(output).toMatch(new RegExp(`^${name}\\s+0\\s+0\\s+0\\s*$`, 'm'));
  });

  test('updateSubGroup, deleteSubGroup', async () => {
    const other = world.name('GID_other');
    const created = await run(
      'updateSubGroup',
      '-c',
      cluster,
      '-g',
      other,
      '-s',
      'true',
      '-r',
      '5',
      '-q',
      '2',
    );
    expect(created).toContain(`create subscription group to ${broker} success.`);
    expect(created).toMatch(/retryQueueNums=2.*retryMaxTimes=5/s);
    const config = await run('getConsumerConfig', '-g', other);
    expect(config).toMatch(/^retryMaxTimes\s+=\s+5\s*$/m);
    const deleted = await run('deleteSubGroup', '-c', cluster, '-g', other, '-r', 'true');
    expect(deleted).toContain(
      `delete subscription group [${other}] from broker [${broker}] in cluster [${cluster}] success.`,
    );
    expect(await run('updateSubGroup', '-b', broker, '-g', 'no/slash')).toMatch(/illegal characters/);
  });

  test('consumerConnection, producerConnection', async () => {
    const output = await until(/^ConsumeType: CONSUME_PASSIVELY/m, 'consumerConnection', '-g', group);
    expect(output).toMatch(new RegExp(`@${consumer}\\S*\\s+127\\.0\\.0\\.1:\\d+\\s+JAVA\\s+V5_4_0`));
    expect(output).toMatch(new RegExp(`^${topic}\\s+\\*`, 'm'));
    expect(output).toMatch(/^MessageModel: CLUSTERING/m);
    expect(output).toMatch(/^ConsumeFromWhere: CONSUME_FROM_FIRST_OFFSET/m);
    const none = world.name('GID_none');
    expect(await run('consumerConnection', '-g', none, '-b', broker)).toMatch(/CODE: 206\s+DESC: /);
    const producers = await run('producerConnection', '-g', `PG_${producer}`, '-t', topic);
    expect(producers).toMatch(
      new RegExp(`^0001\\s+\\S+@${producer}\\S*\\s+127\\.0\\.0\\.1:\\d+\\s+JAVA\\s+V5_4_0`, 'm'),
    );
  });

  test('consumerProgress', async () => {
    const output = await until(/^Consume Diff Total: 0/m, 'consumerProgress', '-g', group);
    await until(
      new RegExp(`^${topic}\\s+${name}\\s+3\\s+3\\s+3\\s+0\\b`, 'm'),
      'consumerProgress',
      '-g',
      group,
    );
    expect(output).toMatch(/^Consume TPS: \d+\.\d\d/m);
    await until(
      new RegExp(`^${group}\\s+1\\s+V5_4_0\\s+PUSH\\s+CLUSTERING\\s+\\d+\\s+0\\s*$`, 'm'),
      'consumerProgress',
    );
  });

  test('brokerStatus', async () => {
    const output = await run('brokerStatus', '-b', broker);
    for (const key of ['bootTimestamp', 'commitLogMaxOffset', 'msgPutTotalTodayNow', 'msgGetTotalTodayNow']) {
      expect(output).toMatch(new RegExp(`^${key}\\s+: \\d+`, 'm'));
    }
    expect(output).toMatch(/^brokerVersionDesc\s+: V\d_\d_\d/m);
    expect(output).toMatch(/^putTps\s+: \d/m);
  });

  test('getBrokerConfig, updateBrokerConfig', async () => {
    const before = await run('getBrokerConfig', '-b', broker);
    expect(before).toMatch(new RegExp(`^brokerName\\s+=\\s+${name}\\s*$`, 'm'));
    expect(before).toMatch(new RegExp(`^listenPort\\s+=\\s+${broker.split(':')[1]}\\s*$`, 'm'));
    const old = /^fileReservedTime\s+=\s+(\d+)/m.exec(before)?.[1] ?? '';
    for (const value of ['49', old]) {
      const output = await run('updateBrokerConfig', '-b', broker, '-k', 'fileReservedTime', '-v', value);
      expect(output).toContain(`update broker config success, ${broker}`);
      const now = await run('getBrokerConfig', '-b', broker);
      expect(now).toMatch(new RegExp(`^fileReservedTime\\s+=\\s+${value}\\s*$`, 'm'));
    }
    expect(await run('updateBrokerConfig', '-b', broker, '-k', 'brokerConfigPath', '-v', 'x')).toMatch(
      /CODE: \d+\s+DESC:/,
    );
  });

  test('sendMessage, consumeMessage', async () => {
    const other = await world.topic('admin-send');
    const output = await run(
      'sendMessage',
      '-t',
      other,
      '-p',
      'from admin',
      '-k',
      'K1',
      '-c',
      'TagS',
      '-b',
      name,
      '-i',
      '1',
    );
    expect(output).toMatch(new RegExp(`^${name}\\s+1\\s+SEND_OK\\s+[0-9A-F]{32}`, 'm'));
    const consumed = await run('consumeMessage', '-t', other, '-b', name, '-i', '1', '-o', '0', '-c', '1');
    expect(consumed).toMatch(/^Consume ok/m);
    expect(consumed).toMatch(/BODY: from admin/);
  });

  test('queryMsgById, queryMsgByKey, queryMsgByUniqueKey, queryMsgByOffset', async () => {
    const byId = await until(/^OffsetID:/m, 'queryMsgById', '-t', topic, '-i', sent.offsetMsgId);
    const byUnique = await until(/^Topic:/m, 'queryMsgByUniqueKey', '-t', topic, '-i', sent.msgId);
    const byOffset = await until(
      /^Topic:/m,
      'queryMsgByOffset',
      '-t',
      topic,
      '-b',
      name,
      '-i',
      '2',
      '-o',
      '0',
    );
    for (const output of [byId, byUnique, byOffset]) {
      expect(output).toMatch(new RegExp(`^Topic:\\s+${topic}\\s*$`, 'm'));
      expect(output).toMatch(/^Tags:\s+\[TagA\]/m);
      expect(output).toMatch(new RegExp(`^Keys:\\s+\\[${keys}\\]`, 'm'));
      expect(output).toMatch(/^Queue ID:\s+2/m);
      expect(output).toMatch(/^Queue Offset:\s+0/m);
    }
    expect(byId).toContain(`UNIQ_KEY=${sent.msgId}`);
    expect(byId).toMatch(new RegExp(`consumerGroup=${group}, trackType=CONSUMED`));
    await until(new RegExp(`^${sent.msgId}\\s+2\\s+0\\b`, 'm'), 'queryMsgByKey', '-t', topic, '-k', keys);
    expect(await run('queryMsgByKey', '-t', topic, '-k', 'nowhere')).toMatch(
      /CODE: 208\s+DESC: query message by key/,
    );
  });

  test('printMsg, printMsgByQueue', async () => {
    const all = await run('printMsg', '-t', topic, '-d', 'true');
    expect(all).toMatch(new RegExp(`^minOffset=0, maxOffset=1, .*brokerName=${name}, queueId=2`, 'm'));
    expect(all).toMatch(new RegExp(`^MSGID: ${sent.msgId}\\s.*BODY: hello admin`, 'm'));
    const tagged = await run('printMsg', '-t', topic, '-s', 'TagB', '-d', 'true');
    expect(tagged).toMatch(/BODY: more 3/);
    expect(tagged).not.toMatch(/hello admin/);
    const queue = await run(
      'printMsgByQueue',
      '-t',
      topic,
      '-a',
      name,
      '-i',
      '3',
      '-p',
      'true',
      '-d',
      'true',
      '-f',
      'true',
    );
    expect(queue).toMatch(/BODY: more 1/);
    expect(queue).toMatch(/^Tag: TagB\s+Count: 3/m);
  });

  test('statsAll', async () => {
    await until(new RegExp(`^${topic}\\s+${group}\\s`, 'm'), 'statsAll', '-t', topic);
    expect(await run('statsAll', '-t', topic)).toMatch(/^#Topic\s+#Consumer Group\s+#Accumulation/m);
  });

  test('updateKvConfig, deleteKvConfig', async () => {
    const updated = await run('updateKvConfig', '-s', 'INTEROP', '-k', 'k', '-v', 'v');
    expect(updated).toContain('create or update kv config to namespace success.');
    expect(await run('deleteKvConfig', '-s', 'INTEROP', '-k', 'k')).toContain(
      'delete kv config from namespace success.',
    );
  });

  test('wipeWritePerm, addWritePerm', async () => {
    const wiped = await run('wipeWritePerm', '-b', name);
    expect(wiped).toMatch(
      new RegExp(`wipe write perm of broker\\[${name}\\] in name server\\[${world.namesrv}\\] OK, [1-9]`),
    );
    const added = await run('addWritePerm', '-b', name);
    expect(added).toMatch(
      new RegExp(`add write perm of broker\\[${name}\\] in name server\\[${world.namesrv}\\] OK, [1-9]`),
    );
    expect(await run('topicRoute', '-t', topic)).toMatch(/"perm":\s*6/);
  });

  test('resetOffsetByTime of a connected group: it gets everything again', async () => {
    const before = driver.messages(consumer).length;
    const output = await run('resetOffsetByTime', '-g', group, '-t', topic, '-s', '0');
    expect(output).toMatch(new RegExp(`^${name}\\s+2\\s+0\\s*$`, 'm'));
    expect(output).toMatch(new RegExp(`^${name}\\s+3\\s+0\\s*$`, 'm'));
    await driver.waitForMessages(consumer, 'the four again', (m) => m.length >= before + 4, 90_000);
    await until(/^Consume Diff Total: 0/m, 'consumerProgress', '-g', group);
  }, 120_000);

  test('offline: cloneGroupOffset, resetOffsetByTime, skipAccumulatedMessage', async () => {
    await driver.stopConsumer(consumer);
    const copy = world.name('GID_copy');
    await run('updateSubGroup', '-c', cluster, '-g', copy);
    await until(/CODE: 206/, 'consumerConnection', '-g', group, '-b', broker);
    const cloned = await run('cloneGroupOffset', '-s', group, '-d', copy, '-t', topic, '-o', 'true');
    expect(cloned).toContain(`clone group offset success. srcGroup[${group}], destGroup=[${copy}]`);
    // consumerProgress needs the group's retry topic, which its first heartbeat creates
    const copyConsumer = world.name('c-copy');
    await driver.startConsumer(copyConsumer, world.namesrv, { group: copy, topic });
    await until(
      new RegExp(`^${topic}\\s+${name}\\s+3\\s+3\\s+3\\s+0\\b`, 'm'),
      'consumerProgress',
      '-g',
      copy,
    );
    expect(driver.texts(copyConsumer)).toEqual([]);
    await driver.stopConsumer(copyConsumer);

    await run('resetOffsetByTime', '-g', group, '-t', topic, '-s', '0');
    await until(
      new RegExp(`^${topic}\\s+${name}\\s+3\\s+3\\s+0\\s+3\\b`, 'm'),
      'consumerProgress',
      '-g',
      group,
    );
    const skipped = await run('skipAccumulatedMessage', '-g', group, '-t', topic);
    expect(skipped).toMatch(new RegExp(`^${name}\\s+3\\s+3`, 'm'));
    await until(/^Consume Diff Total: 0/m, 'consumerProgress', '-g', group);
    await driver.startConsumer(consumer, world.namesrv, { group, topic });
  }, 120_000);
});
