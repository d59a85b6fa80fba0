import { MqError } from '@cometmq/common/error/mq-error';

type Attributes = Readonly<Record<string, string>>;

interface Attribute {
  /** False for what is decided when the topic or group is made. */
  readonly isChangeable: boolean;
  readonly accepts: (value: string) => string | undefined;
}

export type AttributeTable = Readonly<Record<string, Attribute>>;

/** Java: TopicAttributes. */
export const TOPIC_ATTRIBUTES: AttributeTable = {
  'queue.type': oneOf(false, 'SimpleCQ', 'BatchCQ'),
  // Compaction does not exist here; a topic that claims it would lose messages by age.
  'cleanup.policy': oneOf(false, 'DELETE'),
  'message.type': oneOf(true, 'UNSPECIFIED', 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION'),
  'reserve.time': inRange(-1),
};

/** Java: SubscriptionGroupAttributes. */
export const GROUP_ATTRIBUTES: AttributeTable = { 'priority.factor': inRange(0) };

/**
 * Reads `+key=value,-key` (Java: AttributeParser).
 * @throws MqError when it is not of that form.
 */
export function parseAttributeChanges(text: string): Attributes {
  const changes = new Map<string, string>();
  for (const part of text.split(',').filter((entry) => entry !== '')) {
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    if (equals >= 0 && !key.startsWith('+')) throw fault(`add/alter attribute format is wrong: ${key}`);
    if (equals < 0 && !key.startsWith('-')) throw fault(`delete attribute format is wrong: ${key}`);
    if (changes.has(key)) throw fault(`key duplication: ${key}`);
    changes.set(key, equals < 0 ? '' : part.slice(equals + 1));
  }
  return Object.fromEntries(changes);
}

/**
 * The attributes after a change; keys of `changes` begin with `+` (set) or `-` (remove). `present` is undefined for
 * something that is being made (Java: AttributeUtil.alterCurrentAttributes, with its texts).
 * @throws MqError when an attribute is unknown, can't be changed, or has a wrong value.
 */
export function changeAttributes(
  table: AttributeTable,
  present: Attributes | undefined,
  changes: Attributes,
): Attributes {
  const result = new Map(Object.entries(present ?? {}));
  const seen = new Set<string>();
  for (const [signed, value] of Object.entries(changes)) {
    const key = signed.slice(1);
    if (key === '') throw fault('kv string format wrong.');
    if (seen.has(key)) throw fault(`key duplication in kv pairs. key: ${key}`);
    seen.add(key);
    const isAddition = signed.startsWith('+');
    if (present === undefined && !isAddition)
      throw fault(`only add attribute is supported while creating topic. key: ${key}`);
    if (!isAddition && !signed.startsWith('-')) throw fault(`wrong format key: ${key}`);
    if (!isAddition && !result.has(key)) throw fault(`attempt to delete a nonexistent key: ${key}`);
    const attribute = Object.hasOwn(table, key) ? table[key] : undefined;
    if (attribute === undefined) throw fault(`unsupported key: ${key}`);
    if (present !== undefined && !attribute.isChangeable) {
      throw fault(`attempt to update an unchangeable attribute. key: ${key}`);
    }
    if (!isAddition) {
      result.delete(key);
      continue;
    }
    const wrong = attribute.accepts(value);
    if (wrong !== undefined) throw fault(`${wrong}. key: ${key}`);
    result.set(key, value);
  }
  return Object.fromEntries(result);
}

function oneOf(isChangeable: boolean, ...values: string[]): Attribute {
  const text = `value is not in set: [${values.join(', ')}]`;
  return { isChangeable, accepts: (value) => (values.includes(value) ? undefined : text) };
}

function inRange(min: number): Attribute {
  return {
    isChangeable: true,
    accepts: (value) =>
      /^-?\d{1,15}$/.test(value) && Number(value) >= min
        ? undefined
        : `value is not a whole number from ${min} on`,
  };
}

/** Java answers a SYSTEM_ERROR for these. */
function fault(text: string): MqError {
  return new MqError('INTERNAL', text);
}
