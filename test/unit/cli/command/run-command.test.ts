import { describe, expect, test } from 'vitest';
import { describeError } from 'cometmq/command/cli-error';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { FakeCluster, NAME_SERVER, ok } from '../../client-sdk/admin/fake-cluster.ts';
import { runCli } from '../run-cli.ts';

const A = '127.0.0.1:10911';

function cluster(): FakeCluster {
  return new FakeCluster()
    .broker('broker-a', A)
    .on(NAME_SERVER, RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, () =>
      ok({ topicList: ['orders', '%RETRY%g'] }),
    )
    .on(NAME_SERVER, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, () => ok({ topicList: [] }));
}

describe('finding the verb', () => {
  test.each([
    ['', 2, /comet <command>/],
    ['--help', 0, /comet <command>/],
    ['--version', 0, /^comet 9.9.9$/m],
    ['topic', 0, /comet topic list/],
    ['topic --help', 0, /comet topic create TOPIC/],
    ['topic create --help', 0, /--queues N/],
    ['offset reset --help', 0, /examples\n {2}comet offset reset/],
  ])('"%s" ends with %i and prints help', async (line, exitCode, text) => {
    const run = await runCli(line);
    expect(run.exitCode).toBe(exitCode);
    expect(run.out).toMatch(text);
    expect(run.err).toBe('');
  });

  test.each([
    ['topc list', 'there is no command "topc"', 'did you mean: topic?'],
    ['topic lst', 'comet topic has no "lst"', 'did you mean: list, get?'],
    ['constructor', 'there is no command "constructor"', 'there is: dev'],
    ['topic create', 'TOPIC is missing', 'comet topic create --help'],
    ['topic get a b', '"b" is one argument too many', 'comet topic get --help'],
    ['topic list --nope', "Unknown option '--nope'", 'comet topic list --help'],
    ['topic list -o xml', '--output "xml" is not a format', 'table, wide, json'],
    ['topic list --time noon', '--time "noon" is not a style', 'local, utc'],
    ['topic create t --queues 0', '--queues "0" is not a whole number from 1 to 65536', '--help'],
    ['topic peek t --from someday', '--from "someday" is not a time', '--help'],
    ['topic list --timeout soon', '--timeout "soon" is not a duration', '--help'],
    ['explain 17', 'there is no error code 17', 'MQ-TOPIC-404'],
    ['offset clone a b', '--topic is missing', '--topic orders'],
    ['start --role king', '--role "king" is not a role', 'namesrv'],
  ])('"%s" is a usage error in three lines', async (line, what, fix) => {
    const run = await runCli(line);
    expect(run.exitCode).toBe(2);
    expect(run.out).toBe('');
    const lines = run.err.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain(`error MQ-USAGE: ${what}`);
    expect(lines[1]).toMatch(/^ {2}why: /);
    expect(lines[2]).toContain(fix);
  });
});

test('a full disk is no fault of comet', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
  expect(describeError(full)).toMatchObject({ code: 'MQ-FILE', exitCode: 1, why: 'the disk is full' });
  expect(describeError(new Error('ENOSPC'))).toMatchObject({ code: 'MQ-BUG' });
});

describe('output', () => {
  test.each([
    ['table', 'topic   kind\norders  normal\n'],
    ['csv', 'topic,kind\r\norders,normal\r\n'],
    ['name', 'orders\n'],
    ['ndjson', '{"topic":"orders","kind":"normal"}\n'],
    ['yaml', 'topics:\n  - topic: orders\n    kind: normal\ncomplete: true\nfailures: []\n'],
  ])('-o %s', async (format, text) => {
    const run = await runCli(`topic list -o ${format}`, { cluster: cluster() });
    expect(run).toEqual({ exitCode: 0, out: text, err: '' });
  });

  test('-o json is the whole result', async () => {
    const { out } = await runCli('topic list --all -o json', { cluster: cluster() });
    expect(JSON.parse(out)).toEqual({
      topics: [
        { topic: '%RETRY%g', kind: 'retry' },
        { topic: 'orders', kind: 'normal' },
      ],
      complete: true,
      failures: [],
    });
  });

  test('an empty list prints no data; the remark goes to standard error unless quiet', async () => {
    const run = await runCli('topic list --kind dlq', { cluster: cluster() });
    expect(run.err).toMatch(/no topics/);
    expect(run).toMatchObject({
      exitCode: 0,
      out: '',
    });
    expect(await runCli('topic list --kind dlq -q', { cluster: cluster() })).toEqual({
      exitCode: 0,
      out: '',
      err: '',
    });
  });
});

describe('exit codes of failures', () => {
  test('5 when nothing answers', async () => {
    const run = await runCli('topic list', { cluster: cluster().down(NAME_SERVER) });
    expect(run.exitCode).toBe(5);
    expect(run.err).toMatch(
      /^error MQ-NET-503: can't connect to 127.0.0.1:9876\n {2}why: .+\n {2}fix: .+\n$/,
    );
  });

  test('3 when the thing does not exist', async () => {
    expect((await runCli('topic get nix', { cluster: cluster() })).exitCode).toBe(3);
    expect((await runCli('topic stats nix', { cluster: cluster() })).err).toMatch(
      /MQ-TOPIC-404: topic nix does not exist/,
    );
  });

  test('4 when the server forbids it', async () => {
    const fake = cluster().on(A, RequestCode.UPDATE_AND_CREATE_TOPIC, () => ({ code: 16, remark: 'no' }));
    expect((await runCli('topic create t', { cluster: fake })).exitCode).toBe(4);
  });

  test('7 when a part of the servers did it', async () => {
    const fake = cluster()
      .broker('broker-b', '127.0.0.1:10921')
      .on(A, RequestCode.UPDATE_AND_CREATE_TOPIC, () => ({ code: 0 }))
      .down('127.0.0.1:10921');
    const run = await runCli('topic create t', { cluster: fake });
    expect(run.exitCode).toBe(7);
    expect(run.err).toMatch(/created t on broker-a\nincomplete: broker-b: /);
  });

  test('1 with a stack for a fault of our own', async () => {
    const fake = cluster().on(NAME_SERVER, RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, () => {
      throw new TypeError('bug');
    });
    const run = await runCli('topic list', { cluster: fake });
    expect(run.exitCode).toBe(1);
    expect(run.err).toMatch(/MQ-BUG: bug[\s\S]+TypeError: bug\n {4}at /);
  });
});

describe('name servers', () => {
  test.each([
    ['topic list -n a:1', { NAMESRV_ADDR: 'b:2' }, 'a:1'],
    ['topic list', { NAMESRV_ADDR: 'b:2' }, 'b:2'],
    ['topic list', { NAMESRV_ADDR: 'b:2', COMET_NAMESRV: 'c:3' }, 'c:3'],
    ['topic list', {}, '127.0.0.1:9876'],
  ])('%s with %j', async (line, env, wanted) => {
    let asked = '';
    await runCli(line, { cluster: cluster(), env, onConnect: (nameServers) => (asked = nameServers) });
    expect(asked).toBe(wanted);
  });

  test('the time limit of requests can be set, and the client is closed at the end', async () => {
    const fake = cluster();
    let limit = 0;
    await runCli('topic list --timeout 20s', {
      cluster: fake,
      onConnect: (_, timeoutMs) => (limit = timeoutMs),
    });
    expect(limit).toBe(20_000);
    expect(fake.closed).toBe(true);
  });
});
