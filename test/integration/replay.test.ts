// What recorded clients and tools said to the real servers, said to ours: the answers must be of the same kind, but for
// the differences that test/golden/replay-differences.json lists with their reasons.
import { afterAll, beforeAll, expect, test } from 'vitest';
import differences from '../golden/replay-differences.json' with { type: 'json' };
import { AcceleratedClock } from '../support/accelerated-clock.ts';
import type { GoldenConversation } from '../support/golden.ts';
import { readConversations } from '../support/golden.ts';
import { LoopbackCluster } from '../support/loopback-cluster.ts';
import type { Comparison, Shape } from '../support/replay/replay.ts';
import { CALLED, Replay } from '../support/replay/replay.ts';

/** Makes a recorded wait of 20 seconds last one. */
const ACCELERATION = 20;

/** The recorded brokers of these scenarios made no topics and groups by themselves, took 8 KiB at most and no SQL92. */
const STRICT_SCENARIO = /\/errors-(?:too-large|unknown-topic|unknown-group|raw)$/;

interface Difference {
  /** Names of requests; those that end in a star stand for all that begin so. */
  readonly requests: readonly string[];
  /** Part of the conversation's name; absent: any. */
  readonly where?: string;
  /** See `differencesOf`. */
  readonly differences: readonly string[];
  readonly reason: string;
}

const DIFFERENCES: readonly Difference[] = differences;
const CONVERSATIONS = readConversations().filter(({ folder }) => !folder.startsWith('broker-'));
const used = new Set<string>();
let open: LoopbackCluster;
let strict: LoopbackCluster;

/** `code 22 → 0`; with the same code `remark a → b` and `fields -missing +additional`. */
function differencesOf({ recorded, ours }: Comparison): string[] {
  if (ours === undefined) return [recorded.remark === CALLED ? 'not called' : 'no answer'];
  if (ours.code !== recorded.code) return [`code ${recorded.code} → ${ours.code}`];
  const remark = ours.remark === recorded.remark ? [] : [`remark ${recorded.remark} → ${ours.remark}`];
  const fields = fieldsDifference(recorded, ours);
  return fields === '' ? remark : [...remark, `fields ${fields}`];
}

function fieldsDifference(recorded: Shape, ours: Shape): string {
  if (recorded.fields === ours.fields) return '';
  const [before, after] = [recorded, ours].map(({ fields }) =>
    fields.split(' ').filter((name) => /^\w/.test(name)),
  );
  const missing = before!.filter((name) => !after!.includes(name)).map((name) => `-${name}`);
  const additional = after!.filter((name) => !before!.includes(name)).map((name) => `+${name}`);
  const names = [...missing, ...additional].join(' ');
  return names === ''
    ? `${recorded.fields === '-' ? 'none' : 'empty'} → ${ours.fields === '-' ? 'none' : 'empty'}`
    : names;
}

/** Which of the listed ones this difference is. */
function explain({ request, where }: Comparison, difference: string): string | undefined {
  const index = DIFFERENCES.findIndex(
    (listed) =>
      listed.differences.includes(difference) &&
      where.includes(listed.where ?? '') &&
      listed.requests.some((name) =>
        name.endsWith('*') ? request.startsWith(name.slice(0, -1)) : request === name,
      ),
  );
  return index < 0 ? undefined : `${index} ${difference}`;
}

function isListed(comparison: Comparison): boolean {
  return differencesOf(comparison).every((difference) => explain(comparison, difference) !== undefined);
}

/** Answers of another kind than the recorded ones, for which no reason is listed. */
function unexplained(comparisons: readonly Comparison[]): string[] {
  return comparisons.flatMap((comparison) =>
    differencesOf(comparison).flatMap((difference) => {
      const listed = explain(comparison, difference);
      if (listed === undefined) return [`${comparison.where} ${comparison.request}: ${difference}`];
      used.add(listed);
      return [];
    }),
  );
}

beforeAll(async () => {
  const clock = new AcceleratedClock(ACCELERATION);
  open = await LoopbackCluster.start({ clock, config: { traceTopic: false } });
  strict = await LoopbackCluster.start({
    clock,
    config: {
      autoCreateTopic: false,
      autoCreateGroup: false,
      maxMessageSizeBytes: 8192,
      propertyFilter: false,
    },
  });
});

afterAll(async () => {
  await open.stop();
  await strict.stop();
});

test.each(CONVERSATIONS.map((conversation, index) => [conversation.name, conversation, index] as const))(
  '%s',
  async (name, conversation: GoldenConversation, index) => {
    const { namesrv, broker } = STRICT_SCENARIO.test(name) ? strict : open;
    const world = { namesrvPort: namesrv.port, brokerPort: broker.port };
    const differing = unexplained(await new Replay(world, conversation, `_r${index}`, isListed).run());
    if (differing.length > 0) expect.fail(differing.join('\n'));
  },
);

test('every listed difference exists', () => {
  const listed = DIFFERENCES.flatMap(({ differences: all }, index) =>
    all.map((difference) => `${index} ${difference}`),
  );
  expect(listed.filter((difference) => !used.has(difference))).toEqual([]);
});
