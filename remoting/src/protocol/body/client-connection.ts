import type { SubscriptionData } from './heartbeat.ts';
import { readSubscriptionData } from './heartbeat.ts';
import { asArray, asInteger, asObject, asString } from './shape.ts';
import { mapEntries } from './tolerant-json.ts';

/** A client as a broker lists it. */
export interface ClientConnection {
  readonly clientId: string;
  /** `address:port` that the broker sees. */
  readonly clientAddr: string;
  readonly language: string;
  readonly version: number;
}

/** Answer of GET_CONSUMER_CONNECTION_LIST (203). */
export interface ConsumerConnections {
  readonly connections: readonly ClientConnection[];
  /** CONSUME_ACTIVELY, CONSUME_PASSIVELY or CONSUME_POP. */
  readonly consumeType: string;
  /** CLUSTERING or BROADCASTING. */
  readonly messageModel: string;
  readonly consumeFromWhere: string;
  readonly subscriptions: readonly SubscriptionData[];
}

export function readConsumerConnections(value: unknown): ConsumerConnections {
  const members = asObject(value);
  return {
    connections: readConnections(members['connectionSet']),
    consumeType: asString(members['consumeType']),
    messageModel: asString(members['messageModel']),
    consumeFromWhere: asString(members['consumeFromWhere']),
    subscriptions: mapEntries(members['subscriptionTable']).map(([, data]) => readSubscriptionData(data)),
  };
}

/** Reads the answer of GET_PRODUCER_CONNECTION_LIST (204). */
export function readProducerConnections(value: unknown): ClientConnection[] {
  return readConnections(asObject(value)['connectionSet']);
}

/** A producer as GET_ALL_PRODUCER_INFO (328) lists it. */
export interface ProducerInfo extends ClientConnection {
  readonly group: string;
  /** ms. */
  readonly lastUpdateTimestamp: number;
}

export function readProducerInfos(value: unknown): ProducerInfo[] {
  return mapEntries(asObject(value)['data']).flatMap(([group, producers]) =>
    asArray(producers).map((producer) => {
      const members = asObject(producer);
      return {
        ...readConnection({ ...members, clientAddr: members['remoteIP'] }),
        group: asString(group),
        lastUpdateTimestamp: asInteger(members['lastUpdateTimestamp']),
      };
    }),
  );
}

function readConnections(value: unknown): ClientConnection[] {
  return asArray(value).map(readConnection);
}

function readConnection(value: unknown): ClientConnection {
  const members = asObject(value);
  return {
    clientId: asString(members['clientId']),
    // Java prints a slash in front of an address without a host name.
    clientAddr: asString(members['clientAddr']).replace(/^\//, ''),
    language: asString(members['language']),
    version: asInteger(members['version']),
  };
}
