import { readPropertiesText, writePropertiesText } from '@cometmq/remoting/protocol/body/properties-text';
import { asInteger, asObject, asStringRecord } from '@cometmq/remoting/protocol/body/shape';
import {
  AddWritePermResponseHeader,
  WipeWritePermResponseHeader,
  WritePermHeader,
} from '@cometmq/remoting/protocol/header/name-server';
import { BrokerStatsHeader } from '@cometmq/remoting/protocol/header/stats';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession, BrokerNode } from './admin-session.ts';
import type { Merged } from './partial.ts';
import { gatherSome } from './partial.ts';
import { ResponseError } from './response-error.ts';

/** What a broker says of itself (code 28). */
export interface RuntimeInfo {
  readonly version: string;
  /** ms. */
  readonly bootTimestamp: number;
  /** Messages a second over the last ten seconds. */
  readonly putTps: number;
  readonly getTps: number;
  readonly messagesPutToday: number;
  readonly messagesGotToday: number;
  /** Share of the disk in use, 0 to 1. */
  readonly commitLogDiskRatio: number;
  /** Store time of the oldest message, ms. */
  readonly earliestMessageTimestamp: number;
  readonly commitLogMinOffset: number;
  readonly commitLogMaxOffset: number;
  /** All values under the broker's own names. */
  readonly values: Readonly<Record<string, string>>;
}

export interface StatsWindow {
  readonly sum: number;
  readonly tps: number;
  /** Average of one event, for example bytes of a message. */
  readonly average: number;
}

/** One statistic of a broker (code 315). */
export interface BrokerStats {
  readonly lastMinute: StatsWindow;
  readonly lastHour: StatsWindow;
  readonly lastDay: StatsWindow;
}

/** Whether topics of a broker may be written, as the name servers tell clients. */
export interface WritePermission extends Merged {
  readonly broker: string;
  /** Topics that changed, the largest count of the name servers. */
  readonly topicCount: number;
}

/** One broker at a time; `broker` is a name (its master) or `host:port`. */
export class BrokerAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** @throws MqError `NOT_FOUND`. */
  find(broker: string): Promise<BrokerNode> {
    return this.#session.broker(broker);
  }

  async runtime(broker: string): Promise<RuntimeInfo> {
    const { address } = await this.#session.broker(broker);
    return readRuntime(await this.#session.askBody(address, { code: RequestCode.GET_BROKER_RUNTIME_INFO }));
  }

  async config(broker: string): Promise<Record<string, string>> {
    const { address } = await this.#session.broker(broker);
    const { body } = await this.#session.ask(address, { code: RequestCode.GET_BROKER_CONFIG });
    return readPropertiesText(body?.toString('utf8') ?? '');
  }

  /**
   * Changes settings while the broker runs.
   * @throws MqError `NO_PERMISSION` for a key that can't be changed this way. Java brokers ignore unknown keys.
   */
  async updateConfig(broker: string, values: Readonly<Record<string, string>>): Promise<void> {
    const { address } = await this.#session.broker(broker);
    const body = Buffer.from(writePropertiesText(values));
    await this.#session.ask(address, { code: RequestCode.UPDATE_BROKER_CONFIG, body });
  }

  /** A statistic such as `TOPIC_PUT_NUMS` of a key such as a topic; undefined when nothing was counted yet. */
  async stats(broker: string, statsName: string, statsKey: string): Promise<BrokerStats | undefined> {
    const { address } = await this.#session.broker(broker);
    const request = {
      code: RequestCode.VIEW_BROKER_STATS_DATA,
      extFields: BrokerStatsHeader.encode({ statsName, statsKey }),
    };
    try {
      const members = asObject(await this.#session.askBody(address, request));
      return {
        lastMinute: readWindow(members['statsMinute']),
        lastHour: readWindow(members['statsHour']),
        lastDay: readWindow(members['statsDay']),
      };
    } catch (error) {
      // A system error with the words "not exist": there is no code of its own.
      if (error instanceof ResponseError && /not exist/.test(error.message)) return undefined;
      throw error;
    }
  }

  /** Allows or forbids sending to a broker, until its topics are registered again. Told to all name servers. */
  async setWritable(broker: string, writable: boolean): Promise<WritePermission> {
    const { brokerName } = await this.#session.broker(broker);
    const code = writable ? RequestCode.ADD_WRITE_PERM_OF_BROKER : RequestCode.WIPE_WRITE_PERM_OF_BROKER;
    const extFields = WritePermHeader.encode({ brokerName });
    const { answers, failures } = await gatherSome(this.#session.nameServerTargets(), async ({ address }) => {
      const answer = await this.#session.ask(address, { code, extFields });
      return writable
        ? AddWritePermResponseHeader.decode(answer.extFields).addTopicCount
        : WipeWritePermResponseHeader.decode(answer.extFields).wipeTopicCount;
    });
    const topicCount = Math.max(0, ...answers.map(({ value }) => value));
    return { broker: brokerName, topicCount, complete: failures.length === 0, failures };
  }
}

export function readRuntime(body: unknown): RuntimeInfo {
  const values = asStringRecord(asObject(body)['table']);
  const difference = (now: string, morning: string): number =>
    asInteger(values[now]) - asInteger(values[morning]);
  return {
    version: values['brokerVersionDesc'] ?? '',
    bootTimestamp: asInteger(values['bootTimestamp']),
    putTps: firstNumber(values['putTps']),
    getTps: firstNumber(values['getTransferredTps'] ?? values['getTransferedTps']),
    messagesPutToday: difference('msgPutTotalTodayNow', 'msgPutTotalTodayMorning'),
    messagesGotToday: difference('msgGetTotalTodayNow', 'msgGetTotalTodayMorning'),
    commitLogDiskRatio: Number(values['commitLogDiskRatio'] ?? 0),
    earliestMessageTimestamp: asInteger(values['earliestMessageTimeStamp']),
    commitLogMinOffset: asInteger(values['commitLogMinOffset']),
    commitLogMaxOffset: asInteger(values['commitLogMaxOffset']),
    values,
  };
}

/** Three blank-separated rates: 10 s, 1 min, 10 min. A young broker has only the first. */
function firstNumber(text: string | undefined): number {
  const number = Number(text?.trim().split(/\s+/)[0] ?? 0);
  return Number.isFinite(number) ? number : 0;
}

function readWindow(value: unknown): StatsWindow {
  const members = asObject(value);
  const decimal = (name: string): number => (typeof members[name] === 'number' ? members[name] : 0);
  return { sum: asInteger(members['sum']), tps: decimal('tps'), average: decimal('avgpt') };
}
