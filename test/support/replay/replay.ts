// Says to our servers what a recorded client said to the real ones, and compares the answers.
import { encodeHost } from '@cometmq/common/message/host';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { decodeOffsetMessageId, encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { decodeFrame, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import type { ExtFields, RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { replyCommand } from '@cometmq/remoting/protocol/remoting-command';
import type { Exchange, GoldenConversation, GoldenFrame } from '../golden.ts';
import { exchangesOf } from '../golden.ts';
import { WireClient } from '../wire-client.ts';
import { remarkClass, rename } from './names.ts';
import { RepeatedHeartbeat } from './repeated-heartbeat.ts';
import { PreparedState } from './prepared-state.ts';
import { PULL_CODES, SEND_CODES, fieldOf, inferState } from './state.ts';

export interface World {
  readonly namesrvPort: number;
  readonly brokerPort: number;
}

/** What is compared of an answer. */
export interface Shape {
  readonly code: number;
  readonly remark: string;
  /** Names of the fields, sorted; `-` when the answer has no ext fields at all. */
  readonly fields: string;
}

export interface Comparison {
  readonly where: string;
  readonly request: string;
  readonly recorded: Shape;
  /** Undefined: no answer, or the broker did not call. */
  readonly ours: Shape | undefined;
}

/** Long enough for anything that the accelerated clock holds back. */
const ANSWER_TIMEOUT_MS = 4000;
const CALL_TIMEOUT_MS = 5000;
/** Then a client may have to go first. */
const DEPARTURE_TIMEOUT_MS = 300;
/** Remark of the shape that stands for a call of the broker. */
export const CALLED = 'called';
const CALL_SHAPE: Shape = { code: 0, remark: CALLED, fields: '-' };

export class Replay {
  readonly #world: World;
  readonly #frames: readonly GoldenFrame[];
  readonly #exchanges: readonly Exchange[];
  readonly #suffix: string;
  readonly #clients = new Map<number, WireClient>();
  readonly #comparisons: Comparison[] = [];
  /** Calls of our broker that a later recorded answer belongs to, by connection and recorded opaque. */
  readonly #calls = new Map<string, RemotingCommand>();
  /** Recorded times of pops, which receipt handles name, to ours. */
  readonly #popTimes = new Map<string, string>();
  /** The last heartbeat of each connection. */
  readonly #heartbeats = new Map<number, RepeatedHeartbeat>();
  readonly #taken = new Set<RemotingCommand>();
  readonly #state: PreparedState;
  readonly #isNeverCalled: (comparison: Comparison) => boolean;

  /** @param isNeverCalled tells calls that our broker is known not to make, for which it is not worth waiting. */
  constructor(
    world: World,
    conversation: GoldenConversation,
    suffix: string,
    isNeverCalled: (comparison: Comparison) => boolean,
  ) {
    this.#world = world;
    this.#isNeverCalled = isNeverCalled;
    this.#frames = conversation.frames;
    this.#exchanges = exchangesOf(conversation);
    this.#suffix = suffix;
    this.#state = new PreparedState(world, inferState(this.#exchanges), this.#exchanges, suffix);
  }

  async run(): Promise<Comparison[]> {
    try {
      await this.#state.prepare();
      for (const frame of this.#frames) await this.#play(frame);
    } finally {
      for (const client of this.#clients.values()) client.close();
      this.#state.close();
    }
    return this.#comparisons;
  }

  async #play(frame: GoldenFrame): Promise<void> {
    const client = await this.#client(frame);
    if (frame.dir === 'c2s') {
      if (frame.response) this.#answer(client, frame);
      else await this.#ask(client, frame);
      return;
    }
    if (frame.response) await this.#compare(client, frame);
    else await this.#expectCall(client, frame);
  }

  async #ask(client: WireClient, frame: GoldenFrame): Promise<void> {
    const command = this.#translate(frame);
    if (frame.code === 34) this.#heartbeats.set(frame.conn, new RepeatedHeartbeat(command));
    const answer = this.#exchanges.find(({ request }) => request === frame)?.response;
    if (PULL_CODES.has(frame.code) && answer?.code !== 25) {
      const heartbeat = this.#heartbeats.get(frame.conn)?.renewedFor(command);
      if (heartbeat !== undefined) {
        client.send(encodeCommand(heartbeat));
        await client.answerTo(heartbeat.opaque);
      }
    }
    client.send(encodeCommand(command));
  }

  async #client({ conn, peer }: GoldenFrame): Promise<WireClient> {
    let client = this.#clients.get(conn);
    if (client === undefined) {
      client = await WireClient.open(peer === 'namesrv' ? this.#world.namesrvPort : this.#world.brokerPort);
      this.#clients.set(conn, client);
    }
    return client;
  }

  async #compare(client: WireClient, frame: GoldenFrame): Promise<void> {
    const exchange = this.#exchanges.find(({ response }) => response === frame);
    if (exchange === undefined) return;
    const find = (): RemotingCommand | undefined =>
      client.received.find(
        (command) => command.response && command.opaque === frame.opaque && !this.#taken.has(command),
      );
    await waitFor(client, find, ANSWER_TIMEOUT_MS);
    const answer = find();
    if (answer !== undefined) {
      this.#taken.add(answer);
      this.#learn(exchange, answer);
    }
    this.#comparisons.push({
      where: exchange.request.where,
      request: exchange.request.codeName,
      ...shapesOf(decodeFrame(frame.bytes), answer),
    });
  }

  /** Our broker should call this client, too; when the calls come may differ. */
  async #expectCall(client: WireClient, frame: GoldenFrame): Promise<void> {
    const find = (): RemotingCommand | undefined =>
      client.received.find((command) => isCall(command, frame) && !this.#taken.has(command));
    const request = `call of ${frame.codeName}`;
    const missing = { where: frame.where, request, recorded: CALL_SHAPE, ours: undefined };
    await waitFor(client, find, DEPARTURE_TIMEOUT_MS);
    if (find() === undefined && !this.#isNeverCalled(missing)) {
      this.#closeFinished(frame);
      await waitFor(client, find, CALL_TIMEOUT_MS);
    }
    const call = find();
    if (call !== undefined) {
      this.#taken.add(call);
      this.#calls.set(`${frame.conn}/${frame.opaque}`, call);
      this.#state.checked(frame.header.extFields ?? {}, call.extFields ?? {});
    }
    this.#comparisons.push({ ...missing, ours: call && CALL_SHAPE });
  }

  /** Recordings don't show when a client goes; it has gone when the others are told. */
  #closeFinished(frame: GoldenFrame): void {
    const active = new Set(this.#frames.slice(this.#frames.indexOf(frame)).map(({ conn }) => conn));
    for (const [conn, client] of this.#clients) if (!active.has(conn)) client.close();
  }

  #answer(client: WireClient, frame: GoldenFrame): void {
    const call = this.#calls.get(`${frame.conn}/${frame.opaque}`);
    if (call === undefined) return;
    const { code, remark, extFields, body } = decodeFrame(frame.bytes);
    client.send(encodeCommand(replyCommand({ code, remark, extFields, body }, call.opaque, frame.serialize)));
  }

  /** The recorded request, as the same client would put it to our servers. */
  #translate(frame: GoldenFrame): RemotingCommand {
    const command = decodeFrame(frame.bytes);
    const fields = Object.create(null) as ExtFields;
    for (const [name, value] of Object.entries(command.extFields ?? {}))
      fields[name] = rename(value, this.#suffix);
    this.#replaceIds(command.code, fields);
    const isJson = command.body?.[0] === 0x7b;
    const body = isJson ? Buffer.from(rename(command.body.toString(), this.#suffix)) : command.body;
    return { ...command, extFields: command.extFields && fields, body };
  }

  #replaceIds(code: number, fields: ExtFields): void {
    const replace = (name: string, translate: (recorded: number) => number): void => {
      if (fields[name] !== undefined) fields[name] = String(translate(Number(fields[name])));
    };
    if (code === 33 || code === 36) replace('offset', (recorded) => this.#state.physicalOffset(recorded));
    if (code === 37) {
      replace('tranStateTableOffset', () => this.#state.queueOffset(Number(fields['commitLogOffset'])) ?? 0);
      replace('commitLogOffset', (recorded) => this.#state.physicalOffset(recorded));
    }
    if (code === 370 && fields['recallHandle'] !== undefined) {
      const handle = Buffer.from(fields['recallHandle'], 'base64url').toString();
      fields['recallHandle'] = Buffer.from(rename(handle, this.#suffix)).toString('base64url');
    }
    if (fields['extraInfo'] !== undefined) {
      fields['extraInfo'] = fields['extraInfo'].replace(/\d{13}/, (time) => this.#popTimes.get(time) ?? time);
    }
    // Of the broker's own time.
    if (fields['bornTime'] !== undefined) fields['bornTime'] = '0';
    if (code === 12) Object.assign(fields, { beginTimestamp: '0', endTimestamp: '9223372036854775807' });
    const place = decodeOffsetMessageId(fields['msgId'] ?? '');
    if (code === 309 && place !== undefined) {
      const host = encodeHost('127.0.0.1', this.#world.brokerPort);
      fields['msgId'] = encodeOffsetMessageId(host, this.#state.physicalOffset(place.physicalOffset));
    }
  }

  /** Notes where our broker put what the real one put elsewhere. */
  #learn({ request, response }: Exchange, answer: RemotingCommand): void {
    if (SEND_CODES.has(request.code)) {
      const recorded = (fieldOf(response, 'msgId') ?? '').split(',');
      const ours = (answer.extFields?.['msgId'] ?? '').split(',');
      recorded.forEach((id, index) => {
        const queueOffset = Number(answer.extFields?.['queueOffset'] ?? 0) + index;
        this.#state.sent(id, ours[index] ?? '', queueOffset);
      });
    }
    const popTime = answer.extFields?.['popTime'];
    if (popTime !== undefined) this.#popTimes.set(fieldOf(response, 'popTime') ?? '', popTime);
    if (answer.code === 0 && answer.body !== undefined && [11, 361, 12, 33].includes(request.code)) {
      for (const message of decodeMessages(answer.body)) this.#state.seen(message);
    }
  }
}

function isCall({ response, code }: RemotingCommand, frame: GoldenFrame): boolean {
  return !response && code === frame.code;
}

/** Waits until `find` finds something, for a while. */
async function waitFor(client: WireClient, find: () => unknown, timeoutMs: number): Promise<void> {
  await client
    .until('something', () => find() !== undefined || client.closed, timeoutMs)
    .catch(() => undefined);
}

/** Binary headers can't tell "no field set" from "no fields"; nor is that compared when one side sent binary. */
function shapesOf(
  recorded: RemotingCommand,
  ours: RemotingCommand | undefined,
): Pick<Comparison, 'recorded' | 'ours'> {
  const binary = recorded.serialize === 'ROCKETMQ' || ours?.serialize === 'ROCKETMQ';
  return { recorded: shapeOf(recorded, binary), ours: ours && shapeOf(ours, binary) };
}

function shapeOf({ code, remark, extFields }: RemotingCommand, binary: boolean): Shape {
  const names = Object.keys(extFields ?? {})
    .sort()
    .join(' ');
  const fields = extFields === undefined || (binary && names === '') ? '-' : names;
  return { code, remark: remarkClass(remark), fields };
}
