import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { ClientChannel, ClientIdentity } from './client-channel.ts';
import type { GroupBeat } from './consumer-group.ts';
import { ConsumerGroup } from './consumer-group.ts';
import type { ConsumerTable } from './consumer-table.ts';
import type { MemberConflict } from './member-conflicts.ts';
import { memberConflicts } from './member-conflicts.ts';

/** A conflict that was found, and since when it is there. */
export interface GroupConflict extends MemberConflict {
  readonly group: string;
  /** ms. */
  readonly since: number;
}

/** Conflicts that are kept and told at a time. */
const CONFLICTS_MAX = 1_000;
/** Groups whose way of reading is remembered. */
const READERS_MAX = 50_000;
/** Looks for which it is remembered: requests wait up to a minute, and only then come again. */
const READERS_KEPT = 7;

/**
 * Finds consumer groups whose members do not fit together: the most frequent reason why messages are not consumed. Each
 * conflict is logged when it appears and when it is gone. While members are replaced one by one, a change of
 * subscriptions is one for as long as that takes.
 */
export class GroupGuard {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #consumers: ConsumerTable;
  readonly #refuses: () => boolean;
  /** Groups that pull and that pop, with the number of the look before which they last did. */
  readonly #pulling = new Map<string, number>();
  readonly #popping = new Map<string, number>();
  #looks = 0;
  #conflicts = new Map<string, GroupConflict>();
  #refusals = 0;

  /** `refuses` tells whether a member that does not fit is kept out. */
  constructor(clock: Clock, log: Logger, consumers: ConsumerTable, refuses: () => boolean) {
    this.#clock = clock;
    this.#log = log;
    this.#consumers = consumers;
    this.#refuses = refuses;
  }

  get refusals(): number {
    return this.#refusals;
  }

  /** Present conflicts, of one group if it is given. */
  conflicts(group?: string): GroupConflict[] {
    const all = [...this.#conflicts.values()];
    return group === undefined ? all : all.filter((conflict) => conflict.group === group);
  }

  /** A member of a group pulled. */
  pulled(group: string): void {
    if (this.#pulling.size < READERS_MAX) this.#pulling.set(group, this.#looks);
  }

  /** A member of a group popped. */
  popped(group: string): void {
    if (this.#popping.size < READERS_MAX) this.#popping.set(group, this.#looks);
  }

  /**
   * Refuses a heartbeat that would bring a conflict into its group, if the settings say so.
   * @throws MqError `NO_PERMISSION`.
   */
  check(groupName: string, channel: ClientChannel, client: ClientIdentity, beat: GroupBeat): void {
    if (!this.#refuses()) return;
    const group = this.#consumers.find(groupName);
    if (group === undefined || group.members.size === 0 || group.members.has(channel)) return;
    const imagined = new ConsumerGroup(groupName);
    for (const [present, member] of group.members) imagined.members.set(present, member);
    const nowMs = this.#clock.monotonic();
    imagined.beat(channel, client, beat, nowMs);
    const [conflict] = memberConflicts(imagined, nowMs);
    if (conflict === undefined) return;
    this.#refusals++;
    throw new MqError('NO_PERMISSION', `group ${groupName}: ${conflictText(conflict)}`, {
      hint: 'members of one group must subscribe to the same; give this client a group of its own, or stop the others first',
    });
  }

  /** Looks at all groups. */
  scan(): void {
    const found = new Map<string, GroupConflict>();
    const nowMs = this.#clock.monotonic();
    for (const group of this.#consumers.all()) {
      for (const conflict of memberConflicts(group, nowMs)) this.#note(found, group.name, conflict);
    }
    for (const group of this.#popping.keys()) {
      if (this.#pulling.has(group)) this.#note(found, group, PULL_AND_POP);
    }
    this.#looks++;
    for (const readers of [this.#pulling, this.#popping])
      for (const [group, look] of readers) if (look <= this.#looks - READERS_KEPT) readers.delete(group);
    for (const [key, { group, kind, subject }] of this.#conflicts) {
      if (!found.has(key)) this.#log.info({ group, kind, subject }, 'a conflict in a consumer group is gone');
    }
    this.#conflicts = found;
  }

  #note(found: Map<string, GroupConflict>, group: string, conflict: MemberConflict): void {
    if (found.size >= CONFLICTS_MAX) return;
    const key = `${group}\n${conflict.kind}\n${conflict.subject}`;
    const known = this.#conflicts.get(key);
    if (known === undefined) {
      const { kind, subject } = conflict;
      this.#log.warn(
        { group, kind, subject, reason: conflictText(conflict) },
        'members of a consumer group do not fit together',
      );
    }
    found.set(key, { ...conflict, group, since: known?.since ?? this.#clock.now() });
  }
}

const PULL_AND_POP: MemberConflict = { kind: 'PULL_AND_POP', subject: '', sides: [] };

/** One line for people. */
function conflictText({ kind, subject, sides }: MemberConflict): string {
  const told = sides.map(({ text, clients, clientCount }) => {
    const others = clientCount > clients.length ? ` and ${clientCount - clients.length} more` : '';
    return `${text} by ${clients.join(', ')}${others}`;
  });
  switch (kind) {
    case 'SUBSCRIPTIONS_DIFFER':
      return `different subscriptions of ${subject}: ${told.join('; ')}`;
    case 'MODELS_DIFFER':
      return `different message models: ${told.join('; ')}`;
    case 'CLIENT_ID_TWICE':
      return `client id ${subject} is used by ${told.join('; ')}`;
    case 'PULL_AND_POP':
      return 'some of its members pull and others pop';
  }
}
