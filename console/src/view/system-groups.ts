import { SYSTEM_GROUP_PREFIX } from '@cometmq/common/topic/names';

/** Groups that Java brokers create for themselves (Java: TopicValidator, MixAll.isSysConsumerGroup). */
const SYSTEM_GROUPS: ReadonlySet<string> = new Set([
  'TOOLS_CONSUMER',
  'SCHEDULE_CONSUMER',
  'FILTERSRV_CONSUMER',
  '__MONITOR_CONSUMER',
  'CLIENT_INNER_PRODUCER',
  'SELF_TEST_P_GROUP',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_ONSAPI_PULL',
  'CID_SYS_RMQ_TRANS',
  'DEFAULT_CONSUMER',
]);

export function isSystemGroup(group: string): boolean {
  return SYSTEM_GROUPS.has(group) || group.startsWith(SYSTEM_GROUP_PREFIX) || group.startsWith('CID_RMQ_');
}
