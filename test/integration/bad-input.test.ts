// Input that no client should send, against real servers over the loopback interface. Each case gets a coded error, a
// closed connection or silence; the server goes on answering, stores nothing and allocates nothing to speak of.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { silentLogger } from '@cometmq/common/logging/logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { NameServer } from '@cometmq/nameserver/name-server';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { badInputs, type BadInput } from '../support/bad-input.ts';
import { runBadInput, type Target } from '../support/bad-input-runner.ts';
import type { WireClient } from '../support/wire-client.ts';

const HOST = '127.0.0.1';

/** Registrations are forgotten when the server sees the connection close; it is asked this often. */
const ASKED_MAX = 200;

class NameServerTarget implements Target {
  readonly #server = new NameServer({
    net: new NodeNet(),
    clock: new SystemClock(),
    disk: new NodeDisk(),
    log: silentLogger,
    host: HOST,
    port: 0,
    dataDir: undefined,
  });

  get port(): number {
    return this.#server.port;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  async probe(client: WireClient): Promise<void> {
    const answer = await client.ask({
      code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
      extFields: { topic: 'probe' },
    });
    expect(answer.code).toBe(17);
  }

  async expectClean(client: WireClient): Promise<void> {
    let topics = '';
    for (let asked = 0; asked < ASKED_MAX && topics !== '{"topicList":[]}'; asked++) {
      const { body } = await client.ask({ code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER });
      topics = body?.toString() ?? '';
    }
    expect(topics).toBe('{"topicList":[]}');
  }
}

function byGroup(items: readonly BadInput[]): [string, BadInput[]][] {
  const groups = new Map<string, BadInput[]>();
  for (const item of items) groups.set(item.group, [...(groups.get(item.group) ?? []), item]);
  return [...groups];
}

describe('name server', () => {
  const target = new NameServerTarget();
  beforeAll(() => target.start());
  afterAll(() => target.stop());

  describe.each(byGroup(badInputs('namesrv')))('%s', (_group, items) => {
    test.each(items.map((item) => [item.name, item] as const))('%s', (_name, item) =>
      runBadInput(target, item),
    );
  });
});
