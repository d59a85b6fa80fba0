import { Perm } from '../message/sys-flag.ts';

export type TopicFilterType = 'SINGLE_TAG' | 'MULTI_TAG';

/** A topic's settings, member for member as brokers, name servers and admin tools exchange them. */
export interface TopicConfig {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** Bits of `Perm`. */
  readonly perm: number;
  readonly topicFilterType: TopicFilterType;
  readonly topicSysFlag: number;
  readonly order: boolean;
  /** Attributes such as `message.type`, stored without the sign of the modification. */
  readonly attributes: Readonly<Record<string, string>>;
}

export function topicConfig(topicName: string, queues: number, perm: number = Perm.READ_WRITE): TopicConfig {
  return {
    topicName,
    readQueueNums: queues,
    writeQueueNums: queues,
    perm,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: {},
  };
}

/** Versions a table of settings; two are equal only if all three members are. */
export interface DataVersion {
  readonly counter: number;
  readonly stateVersion: number;
  /** ms. */
  readonly timestamp: number;
}

export function sameDataVersion(a: DataVersion, b: DataVersion): boolean {
  return a.counter === b.counter && a.timestamp === b.timestamp && a.stateVersion === b.stateVersion;
}
