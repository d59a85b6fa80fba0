import { describe, expect, it } from 'vitest';
import { readBatchAcks } from '@cometmq/remoting/protocol/body/batch-ack';

const ack = (bits: Buffer): object => ({
  c: 'g',
  t: 't',
  q: 1,
  so: 100,
  pt: 7,
  r: '0',
  b: bits.toString('base64'),
});
const invalid = expect.objectContaining({ kind: 'INVALID_ARGUMENT' }) as Error;

describe('acknowledgements of a batch', () => {
  it('name the messages whose bits are set', () => {
    expect(readBatchAcks({ acks: [ack(Buffer.from([0b101, 0, 0b1000_0000]))] })).toEqual([
      {
        consumerGroup: 'g',
        topic: 't',
        queueId: 1,
        startOffset: 100,
        popTime: 7,
        retry: '0',
        offsets: [100, 102, 123],
      },
    ]);
  });

  it('may be as many as 1024 full check points, and not one message more', () => {
    const full = Array.from({ length: 1_023 }, () => ack(Buffer.alloc(4, 0xff)));
    const count = (acks: object[]): number =>
      readBatchAcks({ acks }).reduce((sum, { offsets }) => sum + offsets.length, 0);
    expect(count([...full, ack(Buffer.alloc(4, 0xff))])).toBe(32 * 1_024);
    expect(() => count([...full, ack(Buffer.from([255, 255, 255, 255, 1]))])).toThrow(invalid);
  });

  it('are refused when there are more than 1024 check points', () => {
    const acks = Array.from({ length: 1_025 }, () => ack(Buffer.from([1])));
    expect(() => readBatchAcks({ acks })).toThrow(invalid);
  });

  it('are refused before a small body has become millions of names', () => {
    let read = 0;
    const acks = Array.from({ length: 60 }, () => ({
      ...ack(Buffer.alloc(8_192, 0xff)),
      get so(): number {
        read++;
        return 0;
      },
    }));
    expect(() => readBatchAcks({ acks })).toThrow(invalid);
    expect(read).toBe(1);
  });
});
