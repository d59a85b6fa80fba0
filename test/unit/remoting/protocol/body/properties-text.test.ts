import { expect, test } from 'vitest';
import { readPropertiesText, writePropertiesText } from '@cometmq/remoting/protocol/body/properties-text';

test('reads what brokers print', () => {
  const text =
    '# comment\n! another\nbrokerName=broker-a\nmessageDelayLevel=1s 5s\nempty=\n  spaced = x \r\nurl=http://h:1\nnothing\n';
  expect({ ...readPropertiesText(text) }).toEqual({
    brokerName: 'broker-a',
    messageDelayLevel: '1s 5s',
    empty: '',
    spaced: 'x',
    url: 'http://h:1',
  });
});

test('a value can not bring a second key along', () => {
  const text = writePropertiesText({ deleteWhen: '04\nbrokerRole=SLAVE', path: 'a\\b' });
  expect(text).toBe('deleteWhen=04\\nbrokerRole=SLAVE\npath=a\\\\b\n');
});
