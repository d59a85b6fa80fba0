import { asArray, asInteger, asObject, asString } from './shape.ts';

/** One reason why the members of a consumer group do not fit together: answer of GET_GROUP_CONFLICTS (90200). */
export interface GroupConflictData {
  readonly group: string;
  /** SUBSCRIPTIONS_DIFFER, MODELS_DIFFER, CLIENT_ID_TWICE or PULL_AND_POP. */
  readonly kind: string;
  /** Topic or client id that it is about; empty when it is about the group. */
  readonly subject: string;
  /** ms. */
  readonly since: number;
  readonly sides: readonly ConflictSideData[];
}

/** Clients that say the same. */
export interface ConflictSideData {
  readonly text: string;
  /** Some of them, `clientId (address)`. */
  readonly clients: readonly string[];
  readonly clientCount: number;
}

export function readGroupConflicts(value: unknown): GroupConflictData[] {
  return asArray(asObject(value)['conflicts']).map((conflict) => {
    const members = asObject(conflict);
    return {
      group: asString(members['group']),
      kind: asString(members['kind']),
      subject: asString(members['subject']),
      since: asInteger(members['since']),
      sides: asArray(members['sides']).map(readSide),
    };
  });
}

function readSide(value: unknown): ConflictSideData {
  const members = asObject(value);
  return {
    text: asString(members['text']),
    clients: asArray(members['clients']).map((client) => asString(client)),
    clientCount: asInteger(members['clientCount']),
  };
}
