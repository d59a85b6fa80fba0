import { asArray, asBoolean, asInteger, asObject, asString } from './shape.ts';

export type ConsumeType = 'CONSUME_ACTIVELY' | 'CONSUME_PASSIVELY' | 'CONSUME_POP';
export type MessageModel = 'CLUSTERING' | 'BROADCASTING';

/** What a consumer wants of one topic. */
export interface SubscriptionData {
  readonly topic: string;
  /** `*`, tags joined by `||`, or an SQL92 expression. */
  readonly subString: string;
  readonly tagsSet: readonly string[];
  readonly codeSet: readonly number[];
  /** ms clock of the client; the greater one wins. */
  readonly subVersion: number;
  readonly expressionType: string;
  readonly classFilterMode: boolean;
}

export interface ConsumerData {
  readonly groupName: string;
  readonly consumeType: ConsumeType;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: string;
  readonly unitMode: boolean;
  readonly subscriptionDataSet: readonly SubscriptionData[];
}

/** Body of HEART_BEAT. */
export interface HeartbeatData {
  readonly clientID: string;
  readonly producerGroups: readonly string[];
  readonly consumers: readonly ConsumerData[];
}

export function readHeartbeat(value: unknown): HeartbeatData {
  const members = asObject(value);
  return {
    clientID: asString(members['clientID']),
    producerGroups: asArray(members['producerDataSet']).map((data) => asString(asObject(data)['groupName'])),
    consumers: asArray(members['consumerDataSet']).map(readConsumerData),
  };
}

function readConsumerData(value: unknown): ConsumerData {
  const members = asObject(value);
  const consumeType = asString(members['consumeType']).toUpperCase();
  return {
    groupName: asString(members['groupName']),
    consumeType:
      consumeType === 'CONSUME_ACTIVELY' || consumeType === 'CONSUME_POP' ? consumeType : 'CONSUME_PASSIVELY',
    messageModel:
      asString(members['messageModel']).toUpperCase() === 'BROADCASTING' ? 'BROADCASTING' : 'CLUSTERING',
    consumeFromWhere: asString(members['consumeFromWhere'], 'CONSUME_FROM_LAST_OFFSET').toUpperCase(),
    unitMode: asBoolean(members['unitMode']),
    subscriptionDataSet: asArray(members['subscriptionDataSet']).map(readSubscriptionData),
  };
}

export function readSubscriptionData(value: unknown): SubscriptionData {
  const members = asObject(value);
  return {
    topic: asString(members['topic']),
    subString: asString(members['subString'], '*'),
    tagsSet: asArray(members['tagsSet']).map((tag) => asString(tag)),
    codeSet: asArray(members['codeSet']).map((code) => asInteger(code)),
    subVersion: asInteger(members['subVersion']),
    expressionType: asString(members['expressionType'], 'TAG') || 'TAG',
    classFilterMode: asBoolean(members['classFilterMode']),
  };
}
