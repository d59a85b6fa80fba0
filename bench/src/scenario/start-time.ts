import { setTimeout as sleep } from 'node:timers/promises';
import { readAnswer } from '../load/answer.ts';
import { FrameSocket } from '../load/frame-socket.ts';
import { OPAQUE_MIN, SendFrame } from '../load/send-frame.ts';
import type { CometOptions } from '../servers/comet-server.ts';
import { launchComet } from '../servers/comet-server.ts';
import type { Server } from '../servers/server.ts';

const TIMEOUT_MS = 30_000;
const RETRY_MS = 2;

/** Starts our servers, and stops them; ms from the start of the process to the first acknowledged message. */
export async function startTimeMs(options: CometOptions): Promise<number> {
  const startMs = performance.now();
  const server = await launchComet(options);
  try {
    return (await Promise.race([firstAcknowledged(server), server.died])) - startMs;
  } finally {
    await server.ready;
    await server.stop();
  }
}

/** Tries until a message is acknowledged: nobody may listen yet, or the answer may be that it is too early. */
async function firstAcknowledged(server: Server): Promise<number> {
  const deadlineMs = performance.now() + TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    const atMs = await trySend(server).catch(() => undefined);
    if (atMs !== undefined) return atMs;
    await sleep(RETRY_MS);
  }
  throw new Error('the server acknowledged nothing in time');
}

/** The time of the acknowledgement, or undefined when the answer is another one. */
async function trySend({ port, brokerName }: Server): Promise<number | undefined> {
  const options = {
    topic: 'BenchStart',
    group: 'bench-producer',
    bodySize: 1024,
    serialization: 'json',
    batchMembers: 0,
  } as const;
  const frame = new SendFrame({ ...options, brokerName }, '7F000001');
  const bytes = Buffer.alloc(frame.size);
  const now = Date.now();
  frame.write(bytes, 0, OPAQUE_MIN, 0, now, now);
  let settle: (atMs: number | undefined) => void = () => undefined;
  const answered = new Promise<number | undefined>((resolve) => (settle = resolve));
  const socket = await FrameSocket.open(port, {
    frame: (received, start, end) => {
      settle(readAnswer(received, start, end)?.code === 0 ? performance.now() : undefined);
    },
    batchEnd: () => undefined,
    closed: () => {
      settle(undefined);
    },
  });
  socket.write(bytes);
  try {
    return await answered;
  } finally {
    socket.close();
  }
}
