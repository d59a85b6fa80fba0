import { asArray, asObject, asString } from './shape.ts';

/** Reads the names in a topic list (`topicList`) or group list (`groupList`). */
export function readNames(value: unknown, member: 'topicList' | 'groupList'): string[] {
  return asArray(asObject(value)[member]).map((name) => asString(name));
}
