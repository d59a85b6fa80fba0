// A client that sends bytes as they are and keeps what comes back.
import { connect, type Socket } from 'node:net';
import { decodeCommand, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { FrameReader } from '@cometmq/remoting/protocol/frame-reader';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { requestCommand } from '@cometmq/remoting/protocol/remoting-command';

const TIMEOUT_MS = 10_000;

export class WireClient {
  /** Everything the server sent, in order. */
  readonly received: RemotingCommand[] = [];
  closed = false;
  /** Told of what the server asks. */
  onRequest: (request: RemotingCommand) => void = () => undefined;
  readonly #socket: Socket;
  #changed: () => void = () => undefined;
  #nextOpaque = 1_000_000;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader((...frame) => {
      const command = decodeCommand(...frame);
      this.received.push(command);
      if (!command.response) this.onRequest(command);
    });
    socket.on('data', (chunk) => {
      reader.feed(chunk);
      this.#changed();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  static open(port: number): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => {
        resolve(new WireClient(socket));
      });
      socket.once('error', reject);
    });
  }

  send(bytes: Uint8Array): void {
    if (!this.closed) this.#socket.write(bytes);
  }

  /** Resolves when `done` holds; rejects, saying what was waited for, when it does not in time. */
  async until(what: string, done: () => boolean, timeoutMs = TIMEOUT_MS): Promise<void> {
    const deadline = setTimeout(() => {
      this.#changed();
    }, timeoutMs);
    const startMs = performance.now();
    try {
      while (!done()) {
        if (performance.now() - startMs >= timeoutMs - 1) throw new Error(`waited in vain for ${what}`);
        await new Promise<void>((resolve) => {
          this.#changed = resolve;
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Asks as a well-behaved client does. */
  async ask(request: Request): Promise<RemotingCommand> {
    const opaque = this.#nextOpaque++;
    this.send(encodeCommand(requestCommand(request, opaque, false)));
    return this.answerTo(opaque);
  }

  async answerTo(opaque: number): Promise<RemotingCommand> {
    const find = (): RemotingCommand | undefined =>
      this.received.find((r) => r.response && r.opaque === opaque);
    await this.until(`an answer to ${opaque}`, () => find() !== undefined || this.closed);
    const answer = find();
    if (answer === undefined) throw new Error(`closed before the answer to ${opaque}`);
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }
}
