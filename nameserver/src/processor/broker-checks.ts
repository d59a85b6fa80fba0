import { MqError } from '@cometmq/common/error/mq-error';
import { parseHostPort } from '@cometmq/common/message/host';
import type { BrokerIdentity } from '../route/broker-table.ts';

const NAME_LENGTH_MAX = 255;
/** Clients make one object for each queue of a route. */
const QUEUES_MAX = 65_536;
/** Blanks, controls, and what would break the text that Go cuts routes from. */
const ILLEGAL_IN_NAME = /[\s\x00-\x1f\x7f"\\{}[\],]/;

/** @throws MqError `INVALID_ARGUMENT` naming the field. */
export function checkIdentity({ clusterName, brokerName, brokerId, brokerAddr }: BrokerIdentity): void {
  checkName('clusterName', clusterName);
  checkName('brokerName', brokerName);
  checkName('brokerAddr', brokerAddr);
  if (parseHostPort(brokerAddr) === undefined) throw illegal('brokerAddr', brokerAddr, 'must be host:port');
  if (brokerId < 0) throw illegal('brokerId', String(brokerId), 'must not be negative');
}

/** @throws MqError `INVALID_ARGUMENT` naming the topic. */
export function checkQueues(
  topic: string,
  { readQueueNums, writeQueueNums }: { readonly readQueueNums: number; readonly writeQueueNums: number },
): void {
  checkName('topic', topic);
  for (const queues of [readQueueNums, writeQueueNums]) {
    if (queues < 0 || queues > QUEUES_MAX) {
      throw illegal('queue number', String(queues), `must be 0 to ${QUEUES_MAX} (topic ${topic})`);
    }
  }
}

function checkName(field: string, name: string): void {
  if (name === '') throw illegal(field, name, 'must not be empty');
  if (name.length > NAME_LENGTH_MAX) throw illegal(field, name, `must not be longer than ${NAME_LENGTH_MAX}`);
  if (ILLEGAL_IN_NAME.test(name)) throw illegal(field, name, 'contains illegal characters');
}

function illegal(field: string, value: string, rule: string): MqError {
  return new MqError('INVALID_ARGUMENT', `${field} ${JSON.stringify(value.slice(0, 64))} ${rule}`);
}
