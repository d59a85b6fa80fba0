import net from 'node:net';
import type { ByteStream, ByteStreamHandler, ListenOptions, Listener, Net } from './net.ts';

/** Large enough for a pipelined burst of a fast producer, shared by all sockets of the process. */
const RECEIVE_BUFFER_BYTES = 256 * 1024;

/** The part of libuv's TCP handle that moving an accepted socket onto a shared buffer needs. */
interface AcceptedSocket extends net.Socket {
  _handle?: object | null;
}

class SocketStream implements ByteStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly #socket: net.Socket;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remotePort = socket.remotePort ?? 0;
    this.localAddress = plainAddress(socket.localAddress);
    this.localPort = socket.localPort ?? 0;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** IPv4-mapped IPv6 addresses in their IPv4 form, because most RocketMQ clients know no other. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

function attach(socket: net.Socket, handler: ByteStreamHandler): void {
  let failure: Error | undefined;
  socket.setNoDelay(true);
  socket.on('drain', () => {
    handler.drained();
  });
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('close', () => {
    handler.closed(failure);
  });
  socket.on('end', () => {
    socket.destroy();
  });
}

/** The machine's real network. */
export class NodeNet implements Net {
  /**
   * One buffer for all sockets: data is handed over synchronously, so the next read may overwrite it. It saves an
   * allocation per read, about a fifth of the cost of a pipelined message.
   */
  readonly #receiveBuffer = Buffer.allocUnsafeSlow(RECEIVE_BUFFER_BYTES);

  listen(options: ListenOptions, accept: (stream: ByteStream) => ByteStreamHandler): Promise<Listener> {
    const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
      this.#accept(accepted, accept);
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port, backlog: 1024 }, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        const address = server.address();
        resolve({
          port: typeof address === 'object' && address !== null ? address.port : options.port,
          close: () =>
            new Promise((closed) => {
              server.close();
              closed();
            }),
        });
      });
    });
  }

  connect(
    host: string,
    port: number,
    timeoutMs: number,
    accept: (stream: ByteStream) => ByteStreamHandler,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let handler: ByteStreamHandler | undefined;
      const socket = net.connect({
        host,
        port,
        onread: { buffer: this.#receiveBuffer, callback: (count, buffer) => deliver(handler, count, buffer) },
      });
      socket.setTimeout(timeoutMs, () => {
        socket.destroy(new Error(`no connection to ${host}:${String(port)} within ${String(timeoutMs)} ms`));
      });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.setTimeout(0);
        socket.off('error', reject);
        handler = accept(new SocketStream(socket));
        attach(socket, handler);
        resolve();
      });
    });
  }

  /**
   * `onread` has no public option for accepted sockets: the handle moves into a new socket. If a Node version stops
   * allowing that, the ordinary `data` event serves (a test fails then, so that it does not go unnoticed).
   */
  #accept(accepted: AcceptedSocket, accept: (stream: ByteStream) => ByteStreamHandler): void {
    let handler: ByteStreamHandler | undefined;
    const handle = accepted._handle;
    if (handle === undefined || handle === null) {
      handler = accept(new SocketStream(accepted));
      const receiver = handler;
      attach(accepted, receiver);
      accepted.on('data', (chunk) => {
        receiver.data(chunk);
      });
      return;
    }
    accepted._handle = null;
    const socket = new net.Socket({
      handle,
      onread: {
        buffer: this.#receiveBuffer,
        callback: (count: number, buffer: Uint8Array) => deliver(handler, count, buffer),
      },
    } as net.SocketConstructorOpts);
    handler = accept(new SocketStream(socket));
    attach(socket, handler);
    socket.resume();
  }
}

function deliver(handler: ByteStreamHandler | undefined, count: number, buffer: Uint8Array): boolean {
  handler?.data((buffer as Buffer).subarray(0, count));
  return true;
}
