import { bool, header, int32, int64, optional, text } from './fields.ts';

/** GET_ROUTEINFO_BY_TOPIC (105). */
export const RouteHeader = header({ topic: text, acceptStandardJsonOnly: optional(bool) });

/** REGISTER_BROKER (103). */
export const RegisterBrokerHeader = header({
  brokerName: text,
  brokerAddr: text,
  clusterName: text,
  haServerAddr: text,
  brokerId: int64,
  heartbeatTimeoutMillis: optional(int64),
  enableActingMaster: optional(bool),
  compressed: optional(bool),
  /** CRC-32 of the body with the sign bit cleared; 0 or absent: not checked. */
  bodyCrc32: optional(int32),
});

export const RegisterBrokerResponseHeader = header({
  haServerAddr: optional(text),
  masterAddr: optional(text),
});

/** UNREGISTER_BROKER (104), QUERY_DATA_VERSION (322) and BROKER_HEARTBEAT (904). */
export const BrokerIdentityHeader = header({
  brokerName: text,
  brokerAddr: text,
  clusterName: text,
  brokerId: optional(int64),
});

export const QueryDataVersionResponseHeader = header({ changed: bool });

/** PUT_KV_CONFIG (100). */
export const PutKvHeader = header({ namespace: text, key: text, value: text });

/** GET_KV_CONFIG (101) and DELETE_KV_CONFIG (102). */
export const KvHeader = header({ namespace: text, key: text });

export const KvResponseHeader = header({ value: text });

/** GET_KVLIST_BY_NAMESPACE (219). */
export const KvNamespaceHeader = header({ namespace: text });

/** WIPE_WRITE_PERM_OF_BROKER (205) and ADD_WRITE_PERM_OF_BROKER (327). */
export const WritePermHeader = header({ brokerName: text });
export const WipeWritePermResponseHeader = header({ wipeTopicCount: int32 });
export const AddWritePermResponseHeader = header({ addTopicCount: int32 });

/** GET_TOPICS_BY_CLUSTER (224). */
export const ClusterHeader = header({ cluster: text });

/** DELETE_TOPIC_IN_NAMESRV (216) and REGISTER_TOPIC_IN_NAMESRV (217). */
export const NameServerTopicHeader = header({ topic: text, clusterName: optional(text) });

/** GET_BROKER_MEMBER_GROUP (901). */
export const MemberGroupHeader = header({ clusterName: text, brokerName: text });
