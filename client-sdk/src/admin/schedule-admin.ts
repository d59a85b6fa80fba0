import { MqError } from '@cometmq/common/error/mq-error';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { asArray, asBoolean, asInteger, asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import {
  ChangeScheduleHeader,
  ListSchedulesHeader,
  RecurringScheduleHeader,
  ScheduleHistogramHeader,
} from '@cometmq/remoting/protocol/header/schedule';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession } from './admin-session.ts';
import type { BrokerSelection } from './broker-selection.ts';
import { selectBrokers } from './broker-selection.ts';
import type { Merged } from './partial.ts';
import { describeFailures, gather, gatherSome } from './partial.ts';

/** A message that waits for its time, or did. */
export interface ScheduleEntry {
  readonly broker: string;
  readonly topic: string;
  readonly queueId: number;
  /** The message's id; what it is changed by. */
  readonly messageId: string;
  readonly keys: string;
  readonly tag: string;
  /** ms. */
  readonly dueAt: number;
  readonly sentAt: number;
  readonly bodyBytes: number;
  /** False: delivered or cancelled. */
  readonly isWaiting: boolean;
}

export interface ScheduleList extends Merged {
  /** By due time. */
  readonly schedules: readonly ScheduleEntry[];
  /** Messages that wait on these brokers, whatever was asked for. */
  readonly pending: number;
  /** Where each broker's part ended, for the next call; empty behind the last. */
  readonly cursors: Readonly<Record<string, string>>;
}

export interface ScheduleFilter extends BrokerSelection {
  readonly topic?: string;
  /** Due times, ms; `to` is not in the range. */
  readonly from?: number;
  readonly to?: number;
  /** Messages of one broker at most. */
  readonly limit?: number;
  readonly cursors?: Readonly<Record<string, string>>;
}

export interface ScheduleHistogram extends Merged {
  readonly buckets: readonly { readonly from: number; readonly count: number }[];
  readonly pending: number;
}

export type ScheduleChange = 'CANCELLED' | 'MOVED' | 'FIRED' | 'ALREADY_DELIVERED' | 'NOT_FOUND';

const CHANGES: readonly ScheduleChange[] = ['ALREADY_DELIVERED', 'CANCELLED', 'MOVED', 'FIRED', 'NOT_FOUND'];
const LIMIT = 100;
/** Requests for one page of a broker: a page of a rare topic may be empty. */
const REQUESTS_MAX = 1_000;

/** A message that is sent at each time of a cron expression. */
export interface RecurringMessage {
  /** Letters, digits, _ and -. */
  readonly name: string;
  readonly topic: string;
  /** Five fields, or six with seconds first. */
  readonly expression: string;
  /** Such as `Europe/Berlin`. */
  readonly timeZone: string;
  readonly body: string;
  readonly tag?: string;
  readonly keys?: string;
}

export interface RecurringEntry extends RecurringMessage {
  readonly broker: string;
  /** Time of the last message, ms; 0 before the first. */
  readonly lastSlot: number;
  /** Why the last attempt failed; empty when it did not. */
  readonly fault: string;
}

export interface RecurringList extends Merged {
  readonly schedules: readonly RecurringEntry[];
}

/** Timed messages of CometMQ's brokers. */
export class ScheduleAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** Messages that wait, by due time, a page of each broker. */
  async list(filter: ScheduleFilter = {}): Promise<ScheduleList> {
    const { cursors } = filter;
    const targets = (await selectBrokers(this.#session, filter)).filter(
      ({ server }) => cursors === undefined || cursors[server] !== undefined,
    );
    const { answers, failures } = await gatherSome(targets, ({ server, address }) =>
      this.#page(server, address, filter),
    );
    return {
      schedules: answers.flatMap(({ value }) => value.schedules).sort((a, b) => a.dueAt - b.dueAt),
      pending: answers.reduce((sum, { value }) => sum + value.pending, 0),
      cursors: Object.fromEntries(
        answers.flatMap(({ server, value }) => (value.cursor === '' ? [] : [[server, value.cursor]])),
      ),
      complete: failures.length === 0,
      failures,
    };
  }

  /** Messages with an id or key, also those that were delivered or cancelled while the log has them. */
  async find(key: string, topic?: string): Promise<ScheduleList> {
    const extFields = ListSchedulesHeader.encode({ key, ...(topic === undefined ? {} : { topic }) });
    const { answers, failures } = await gatherSome(
      await this.#session.masters(),
      async ({ server, address }) =>
        readPage(
          server,
          await this.#session.askBody(address, { code: RequestCode.LIST_SCHEDULES, extFields }),
        ),
    );
    return {
      schedules: answers.flatMap(({ value }) => value.schedules).sort((a, b) => a.dueAt - b.dueAt),
      pending: answers.reduce((sum, { value }) => sum + value.pending, 0),
      cursors: {},
      complete: failures.length === 0,
      failures,
    };
  }

  /** Takes a message back. */
  cancel(topic: string, messageId: string): Promise<ScheduleChange> {
    return this.#change(RequestCode.CANCEL_SCHEDULE, topic, messageId);
  }

  /** Gives a message another time, ms; one in the past delivers it at once. */
  move(topic: string, messageId: string, dueAt: number): Promise<ScheduleChange> {
    return this.#change(RequestCode.MOVE_SCHEDULE, topic, messageId, dueAt);
  }

  /** Delivers a message now. */
  fire(topic: string, messageId: string): Promise<ScheduleChange> {
    return this.#change(RequestCode.FIRE_SCHEDULE, topic, messageId);
  }

  /** How many messages are due in each piece of a range; pieces of whole hours cost nothing. */
  async histogram(
    range: BrokerSelection & { readonly from: number; readonly to: number; readonly bucketMs: number },
  ): Promise<ScheduleHistogram> {
    const extFields = ScheduleHistogramHeader.encode({
      from: range.from,
      to: range.to,
      bucketMs: range.bucketMs,
    });
    const { answers, failures } = await gatherSome(
      await selectBrokers(this.#session, range),
      async ({ address }) =>
        asObject(await this.#session.askBody(address, { code: RequestCode.SCHEDULE_HISTOGRAM, extFields })),
    );
    const counts = new Map<number, number>();
    for (const { value } of answers) {
      for (const bucket of asArray(value['buckets']).map(asObject)) {
        const from = asInteger(bucket['from']);
        counts.set(from, (counts.get(from) ?? 0) + asInteger(bucket['count']));
      }
    }
    return {
      buckets: [...counts].sort(([a], [b]) => a - b).map(([from, count]) => ({ from, count })),
      pending: answers.reduce((sum, { value }) => sum + asInteger(value['pending']), 0),
      complete: failures.length === 0,
      failures,
    };
  }

  /**
   * Has a message sent at each time of a cron expression, by one broker of the topic: the named one, or the first. One of
   * that name is replaced.
   * @returns the broker's name.
   */
  async putRecurring(message: RecurringMessage, broker?: string): Promise<string> {
    const masters = await this.#session.routeMasters(message.topic);
    const node = broker === undefined ? masters[0] : masters.find(({ server }) => server === broker);
    if (node === undefined) {
      throw new MqError('NOT_FOUND', `topic ${message.topic} is not on broker ${broker ?? ''}`);
    }
    const body = jsonBody(message);
    await this.#session.ask(node.address, { code: RequestCode.PUT_RECURRING_SCHEDULE, body });
    return node.server;
  }

  async recurring(selection: BrokerSelection = {}): Promise<RecurringList> {
    const { answers, failures } = await gatherSome(
      await selectBrokers(this.#session, selection),
      async ({ address }) =>
        asObject(await this.#session.askBody(address, { code: RequestCode.LIST_RECURRING_SCHEDULES })),
    );
    const schedules = answers.flatMap(({ server, value }) =>
      asArray(value['schedules']).map((entry) => readRecurring(server, entry)),
    );
    return { schedules, complete: failures.length === 0, failures };
  }

  /** Ends a recurring message on all brokers. @throws MqError `NOT_FOUND`. */
  async removeRecurring(name: string): Promise<readonly string[]> {
    const { schedules } = await this.recurring();
    const brokers = schedules.filter((schedule) => schedule.name === name).map(({ broker }) => broker);
    if (brokers.length === 0) throw new MqError('NOT_FOUND', `there is no recurring schedule ${name}`);
    const extFields = RecurringScheduleHeader.encode({ name });
    for (const broker of brokers) {
      const { address } = await this.#session.broker(broker);
      await this.#session.ask(address, { code: RequestCode.REMOVE_RECURRING_SCHEDULE, extFields });
    }
    return brokers;
  }

  /**
   * Asks all brokers of the topic; each says what became of the message there.
   * @throws MqError of the first broker that could not be asked, unless another one knew the message.
   */
  async #change(code: number, topic: string, uniqueKey: string, dueAt?: number): Promise<ScheduleChange> {
    const extFields = ChangeScheduleHeader.encode({
      topic,
      uniqueKey,
      ...(dueAt === undefined ? {} : { dueAt }),
    });
    const { answers, failures } = await gather(await this.#session.routeMasters(topic), async ({ address }) =>
      asString(asObject(await this.#session.askBody(address, { code, extFields }))['result']),
    );
    const known = new Set(answers.map(({ value }) => value));
    const result = CHANGES.find((change) => known.has(change)) ?? 'NOT_FOUND';
    const [first] = failures;
    if (first !== undefined && result === 'NOT_FOUND')
      throw new MqError(first.kind, describeFailures(failures));
    return result;
  }

  async #page(server: string, address: string, filter: ScheduleFilter): Promise<Page> {
    const { topic, from, to, limit = LIMIT, cursors } = filter;
    const schedules: ScheduleEntry[] = [];
    let cursor = cursors?.[server];
    for (let requests = 0; requests < REQUESTS_MAX; requests++) {
      const extFields = ListSchedulesHeader.encode({
        ...(topic === undefined ? {} : { topic }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        ...(cursor === undefined ? {} : { cursor }),
        maxNum: limit - schedules.length,
      });
      const body = await this.#session.askBody(address, { code: RequestCode.LIST_SCHEDULES, extFields });
      const page = readPage(server, body);
      schedules.push(...page.schedules);
      if (page.cursor === '' || schedules.length >= limit) return { ...page, schedules };
      ({ cursor } = page);
    }
    return { schedules, cursor: cursor ?? '', pending: 0 };
  }
}

interface Page {
  readonly schedules: readonly ScheduleEntry[];
  /** Empty behind the last page. */
  readonly cursor: string;
  readonly pending: number;
}

function readPage(broker: string, body: unknown): Page {
  const { schedules, cursor, pending } = asObject(body);
  return {
    schedules: asArray(schedules).map((entry) => readEntry(broker, entry)),
    cursor: asString(cursor),
    pending: asInteger(pending),
  };
}

function readEntry(broker: string, value: unknown): ScheduleEntry {
  const entry = asObject(value);
  return {
    broker,
    topic: asString(entry['topic']),
    queueId: asInteger(entry['queueId']),
    messageId: asString(entry['uniqueKey']),
    keys: asString(entry['keys']),
    tag: asString(entry['tag']),
    dueAt: asInteger(entry['dueAt']),
    sentAt: asInteger(entry['sentAt']),
    bodyBytes: asInteger(entry['bodyBytes']),
    isWaiting: asBoolean(entry['isWaiting']),
  };
}

function readRecurring(broker: string, value: unknown): RecurringEntry {
  const entry = asObject(value);
  return {
    broker,
    name: asString(entry['name']),
    topic: asString(entry['topic']),
    expression: asString(entry['expression']),
    timeZone: asString(entry['timeZone']),
    body: asString(entry['body']),
    tag: asString(entry['tag']),
    keys: asString(entry['keys']),
    lastSlot: asInteger(entry['lastSlot']),
    fault: asString(entry['fault']),
  };
}
