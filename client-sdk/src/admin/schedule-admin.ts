import { MqError } from '@cometmq/common/error/mq-error';
import { asArray, asBoolean, asInteger, asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import {
  ChangeScheduleHeader,
  ListSchedulesHeader,
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
