import { createConnection, createServer } from 'node:net';

/** One remoting request (JSON header) on its own connection; resolves with header code and body text. */
export function remotingRequest(
  address: string,
  code: number,
  extFields: Readonly<Record<string, string>> = {},
  timeoutMs = 3000,
): Promise<{ code: number; body: string }> {
  const [host = '', port = ''] = address.split(':');
  const header = Buffer.from(
    JSON.stringify({ code, language: 'JAVA', version: 493, opaque: 1, flag: 0, extFields }),
  );
  const frame = Buffer.alloc(8 + header.length);
  frame.writeInt32BE(4 + header.length, 0);
  frame.writeInt32BE(header.length, 4);
  header.copy(frame, 8);
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port: Number(port) });
    let received = Buffer.alloc(0);
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer from ${address}`)));
    socket.once('error', fail);
    socket.once('close', () => reject(new Error(`${address} closed the connection`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 8 || received.length < 4 + received.readInt32BE(0)) return;
      const bodyStart = 8 + (received.readInt32BE(4) & 0xffffff);
      const answer = JSON.parse(received.toString('utf8', 8, bodyStart)) as { code: number };
      resolve({ code: answer.code, body: received.toString('utf8', bodyStart, 4 + received.readInt32BE(0)) });
      socket.destroy();
    });
    socket.write(frame);
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A port P such that P and all P + neighbours are free now. Below the ephemeral range, so that no client takes it. */
export async function freePort(neighbours: readonly number[] = []): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 1200) * 10;
    const ports = [port, ...neighbours.map((n) => port + n)];
    const free = await Promise.all(ports.map(canListen));
    if (free.every(Boolean)) return port;
  }
  throw new Error('no free port found');
}
