import { expect, test } from 'vitest';
import { LogTail } from '@cometmq/broker/store/log/log-tail';

const CHUNK = 1024;

test('memory stays the same however much is appended', () => {
  const tail = new LogTail(CHUNK, 3);
  const buffers = new Set<Buffer>();
  for (let index = 0; index < 100; index++) {
    const chunk = tail.push(index * CHUNK);
    chunk.size = CHUNK;
    buffers.add(chunk.bytes);
  }
  expect(buffers.size).toBe(3);
  expect(tail.find(96 * CHUNK, 1)).toBeUndefined();
  expect(tail.find(97 * CHUNK, CHUNK)?.base).toBe(97 * CHUNK);
  expect(tail.find(99 * CHUNK + 1, CHUNK)).toBeUndefined();
});
