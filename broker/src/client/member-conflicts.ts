import type { ConsumerGroup, ConsumerMember } from './consumer-group.ts';

export type ConflictKind =
  /** Members subscribe to different topics, or filter them differently: each gets messages that it does not want. */
  | 'SUBSCRIPTIONS_DIFFER'
  /** Some members share the queues, others read all of them. */
  | 'MODELS_DIFFER'
  /** Two connections use one client id: both take the same share of the queues. */
  | 'CLIENT_ID_TWICE'
  /** Some members pull and others pop: the same messages reach the group twice. */
  | 'PULL_AND_POP';

/** Clients that say or do the same. */
export interface ConflictSide {
  /** What they say, for people. */
  readonly text: string;
  /** `clientId@address`, a few of them. */
  readonly clients: readonly string[];
  readonly clientCount: number;
}

/** Why the members of a group do not fit together. */
export interface MemberConflict {
  readonly kind: ConflictKind;
  /** Topic or client id that it is about; empty when it is about the group. */
  readonly subject: string;
  readonly sides: readonly ConflictSide[];
}

/** A connection that broke is noticed within this time; only then are two with the same id two clients, ms. */
const TWICE_AFTER_MS = 10_000;
/** Clients named for one side. */
const NAMED_MAX = 8;
/** Topics named in one group. */
const TOPICS_MAX = 16;

/** What does not fit among the members of a group. `nowMs` is monotonic time. */
export function memberConflicts(group: ConsumerGroup, nowMs: number): MemberConflict[] {
  const members = [...group.members.values()];
  if (members.length < 2) return [];
  return [
    ...differing('MODELS_DIFFER', '', members, ({ messageModel }) => messageModel),
    ...differingSubscriptions(members),
    ...twice(members, nowMs),
  ];
}

function differingSubscriptions(members: readonly ConsumerMember[]): MemberConflict[] {
  // Who assigns queues by hand subscribes to nothing.
  const subscribed = members.filter(({ subscriptions }) => subscriptions.size > 0);
  const topics = new Set(subscribed.flatMap(({ subscriptions }) => [...subscriptions.keys()]));
  const conflicts: MemberConflict[] = [];
  for (const topic of topics) {
    if (conflicts.length === TOPICS_MAX) break;
    conflicts.push(
      ...differing('SUBSCRIPTIONS_DIFFER', topic, subscribed, (member) => wanted(member, topic)),
    );
  }
  return conflicts;
}

/** What a member wants of a topic, the same text for the same wish. */
function wanted({ subscriptions }: ConsumerMember, topic: string): string {
  const subscription = subscriptions.get(topic);
  if (subscription === undefined) return 'not subscribed';
  const { expressionType, expression, tags } = subscription;
  if (expressionType === 'SQL92') return `SQL92 ${expression}`;
  return tags.length === 0 ? '*' : [...new Set(tags)].sort().join(' || ');
}

function twice(members: readonly ConsumerMember[], nowMs: number): MemberConflict[] {
  const byId = new Map<string, ConsumerMember[]>();
  for (const member of members) byId.set(member.clientId, [...(byId.get(member.clientId) ?? []), member]);
  const conflicts: MemberConflict[] = [];
  for (const [clientId, same] of byId) {
    const settled = same.filter(
      ({ joinedMs, channel }) => joinedMs + TWICE_AFTER_MS <= nowMs && !channel.isClosed,
    );
    if (settled.length < 2 || conflicts.length === TOPICS_MAX) continue;
    conflicts.push({
      kind: 'CLIENT_ID_TWICE',
      subject: clientId,
      sides: [side(`${settled.length} connections`, settled)],
    });
  }
  return conflicts;
}

function differing(
  kind: ConflictKind,
  subject: string,
  members: readonly ConsumerMember[],
  textOf: (member: ConsumerMember) => string,
): MemberConflict[] {
  const byText = new Map<string, ConsumerMember[]>();
  for (const member of members) {
    const text = textOf(member);
    const same = byText.get(text);
    if (same === undefined) byText.set(text, [member]);
    else same.push(member);
  }
  if (byText.size < 2) return [];
  const sides = [...byText].slice(0, NAMED_MAX).map(([text, same]) => side(text, same));
  return [{ kind, subject, sides }];
}

function side(text: string, members: readonly ConsumerMember[]): ConflictSide {
  const clients = members
    .slice(0, NAMED_MAX)
    .map(({ clientId, channel }) => `${clientId} (${channel.remote})`);
  return { text, clients, clientCount: members.length };
}
