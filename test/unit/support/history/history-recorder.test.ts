import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { expect, test } from 'vitest';
import { HistoryRecorder, phaseOfAnswer } from '../../../support/history/history-recorder.ts';

test('only SEND_OK is an acknowledgement, and only refusals before the write prove that nothing was stored', () => {
  expect(phaseOfAnswer(ResponseCode.SUCCESS)).toBe('ok');
  for (const code of ['FLUSH_DISK_TIMEOUT', 'FLUSH_SLAVE_TIMEOUT', 'SLAVE_NOT_AVAILABLE'] as const)
    expect(phaseOfAnswer(ResponseCode[code])).toBe('info');
  for (const code of ['SYSTEM_ERROR', 'SERVICE_NOT_AVAILABLE'] as const)
    expect(phaseOfAnswer(ResponseCode[code])).toBe('info');
  for (const code of ['TOPIC_NOT_EXIST', 'MESSAGE_ILLEGAL', 'NO_PERMISSION', 'SYSTEM_BUSY'] as const)
    expect(phaseOfAnswer(ResponseCode[code])).toBe('fail');
});

test('a history is JSON lines with times', () => {
  let now = 5;
  const recorder = new HistoryRecorder(() => now++);
  recorder.add({ proc: 'p', op: 'send', phase: 'invoke', id: 'a' });
  recorder.add({ proc: 'p', op: 'send', phase: 'ok', id: 'a', qoff: 0 });
  expect(recorder.toJsonLines().split('\n')).toEqual([
    '{"t":5,"proc":"p","op":"send","phase":"invoke","id":"a"}',
    '{"t":6,"proc":"p","op":"send","phase":"ok","id":"a","qoff":0}',
    '',
  ]);
});
