import { describe, expect, test } from 'vitest';
import { TOPIC_ATTRIBUTES, changeAttributes, parseAttributeChanges } from '@cometmq/broker/topic/attributes';

describe('the text of a change', () => {
  test('sets and removes', () => {
    expect(parseAttributeChanges('+message.type=FIFO,-reserve.time')).toEqual({
      '+message.type': 'FIFO',
      '-reserve.time': '',
    });
    expect(parseAttributeChanges('')).toEqual({});
  });

  test.each([
    ['message.type=FIFO', 'add/alter attribute format is wrong: message.type'],
    ['-message.type=FIFO', 'add/alter attribute format is wrong: -message.type'],
    ['+message.type', 'delete attribute format is wrong: +message.type'],
    ['+a=1,+a=2', 'key duplication: +a'],
  ])('%s is refused', (text, message) => {
    expect(() => parseAttributeChanges(text)).toThrow(message);
  });
});

describe('a change', () => {
  const change = (present: Record<string, string> | undefined, changes: Record<string, string>): unknown =>
    changeAttributes(TOPIC_ATTRIBUTES, present, changes);

  test('of a new topic may only add', () => {
    expect(change(undefined, { '+queue.type': 'SimpleCQ' })).toEqual({ 'queue.type': 'SimpleCQ' });
    expect(() => change(undefined, { '-queue.type': '' })).toThrow(
      'only add attribute is supported while creating topic',
    );
  });

  test('keeps what it does not name', () => {
    const present = { 'message.type': 'NORMAL', 'reserve.time': '1000' };
    expect(change(present, {})).toEqual(present);
    expect(change(present, { '+message.type': 'FIFO' })).toEqual({
      'message.type': 'FIFO',
      'reserve.time': '1000',
    });
    expect(change(present, { '-reserve.time': '' })).toEqual({ 'message.type': 'NORMAL' });
  });

  test.each([
    [{ '+nothing': '1' }, 'unsupported key: nothing'],
    [{ '+constructor': '1' }, 'unsupported key: constructor'],
    [{ '+queue.type': 'BatchCQ' }, 'attempt to update an unchangeable attribute. key: queue.type'],
    [{ '-message.type': '' }, 'attempt to delete a nonexistent key: message.type'],
    [{ '+message.type': 'LIFO' }, 'value is not in set'],
    [{ '+reserve.time': '-2' }, 'value is not a whole number from -1 on'],
    [{ 'message.type': 'FIFO' }, 'wrong format key'],
    [{ '+reserve.time': '1', '-reserve.time': '' }, 'key duplication in kv pairs. key: reserve.time'],
  ])('%o of a present topic is refused', (changes: Record<string, string>, message) => {
    expect(() => change({}, changes)).toThrow(message);
  });
});
