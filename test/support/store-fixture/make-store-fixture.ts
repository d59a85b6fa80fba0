// Writes the fixture of the present format: what a broker left when it was killed, and when it was stopped in order.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { encodeBatch } from '@cometmq/common/message/batch-codec';
import { encodeProperties } from '@cometmq/common/message/properties';
import { UpdateConsumerOffsetHeader } from '@cometmq/remoting/protocol/header/offset';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import {
  EndTransactionHeader,
  SendBackHeader,
  SendMessageHeaderV2,
  SendMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/send';
import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { BrokerCaller } from '../crash/broker-caller.ts';
import { createTopic } from '../crash/load-lookups.ts';
import { FixtureBroker } from './fixture-broker.ts';
import { packFolder } from './fixture-files.ts';
import { ask, readStore } from './read-store.ts';

export const FIXTURE_TOPICS = { orders: 2, bills: 1, '%DLQ%billing': 1 } as const;
export const FIXTURE_GROUPS = ['billing'] as const;
/** A message for this topic was still delayed when the fixture was made. */
export const LATE_TOPIC = 'late';
/** Body of a half message that nobody has decided. */
export const OPEN_HALF = 'still open';
const PRODUCER_GROUP = 'fixture-producer';

/** What an answer to a send says. */
export interface MessagePlace {
  readonly queueOffset: number;
  readonly physicalOffset: number;
}

/** Beyond the second in which offsets and checkpoints are saved. */
const SETTLED_MS = 2_500;
/** The fixture is written by a clock that is this late: whoever opens it finds its delayed message due. */
const BEHIND_MS = 3 * 3_600_000;

class LateClock extends SystemClock {
  override now(): number {
    return super.now() - BEHIND_MS;
  }
}

export async function makeStoreFixture(fixture: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'comet-fixture-'));
  const broker = await FixtureBroker.start(folder, new LateClock());
  const open = await fill(broker.caller);
  await sleep(SETTLED_MS);
  packFolder(folder, join(fixture, 'killed'));
  const content = await readStore(broker.caller, FIXTURE_TOPICS, FIXTURE_GROUPS);
  await broker.stop();
  packFolder(folder, join(fixture, 'stopped'));
  rmSync(folder, { recursive: true });
  mkdirSync(fixture, { recursive: true });
  writeFileSync(join(fixture, 'content.json'), `${JSON.stringify({ open, content }, undefined, 1)}\n`);
}

async function fill(caller: BrokerCaller): Promise<MessagePlace> {
  await createTopic(caller, 'orders', 2);
  await createTopic(caller, 'bills', 1);
  await createTopic(caller, LATE_TOPIC, 1);
  await createTopic(caller, 'gone', 1);
  const places: MessagePlace[] = [];
  for (let n = 0; n < 9; n++) {
    const properties = { KEYS: `order-${n % 4}`, TAGS: n % 2 === 0 ? 'created' : 'paid', shop: 'Köln' };
    places.push(await send(caller, 'orders', n % 2, `order ${n}: ${'ü'.repeat(n * 40)}`, properties));
  }
  await send(caller, 'gone', 0, 'nobody shall see this', {});
  await ask(caller, { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: { topic: 'gone' } });
  const members = [1, 2, 3].map((n) => ({
    flag: n,
    body: Buffer.from(`bill ${n}`),
    properties: Buffer.from(encodeProperties(new Map([['KEYS', `bill-${n}`]]))),
  }));
  await ask(caller, {
    code: RequestCode.SEND_BATCH_MESSAGE,
    body: encodeBatch(members),
    extFields: header('bills', 0, {}, true),
  });
  // More than a segment holds.
  for (let n = 0; n < 6; n++) await send(caller, 'bills', 0, `${n}`.repeat(250_000), { KEYS: 'large' });
  await send(caller, 'bills', 0, 'a reminder', { KEYS: 'reminder', DELAY: '1' });
  await send(caller, LATE_TOPIC, 0, 'two hours later', { KEYS: 'late', DELAY: '18' });
  await settings(caller, places[2]?.physicalOffset ?? 0);
  for (const decision of ['commit', 'rollback'] as const)
    await endTransaction(caller, await sendHalf(caller, `to ${decision}`), decision);
  return sendHalf(caller, OPEN_HALF);
}

/** What a group does: settings of its own, offsets, a dead letter. */
async function settings(caller: BrokerCaller, physicalOffset: number): Promise<void> {
  const group = { groupName: FIXTURE_GROUPS[0], consumeEnable: true, retryQueueNums: 1, retryMaxTimes: 3 };
  await ask(caller, {
    code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
    body: Buffer.from(JSON.stringify(group)),
  });
  for (const [queueId, commitOffset] of [3, 4].entries()) {
    const place = { consumerGroup: group.groupName, topic: 'orders', queueId };
    const extFields = UpdateConsumerOffsetHeader.encode({ ...place, commitOffset });
    await ask(caller, { code: RequestCode.UPDATE_CONSUMER_OFFSET, extFields });
  }
  const extFields = SendBackHeader.encode({ offset: physicalOffset, group: group.groupName, delayLevel: -1 });
  await ask(caller, { code: RequestCode.CONSUMER_SEND_MSG_BACK, extFields });
}

function sendHalf(caller: BrokerCaller, body: string): Promise<MessagePlace> {
  const properties = { UNIQ_KEY: `half ${body}`, KEYS: 'half', TRAN_MSG: 'true', PGROUP: PRODUCER_GROUP };
  return send(caller, 'orders', 1, body, properties);
}

export async function endTransaction(
  caller: BrokerCaller,
  { queueOffset, physicalOffset }: MessagePlace,
  decision: 'commit' | 'rollback',
): Promise<void> {
  const extFields = EndTransactionHeader.encode({
    producerGroup: PRODUCER_GROUP,
    tranStateTableOffset: queueOffset,
    commitLogOffset: physicalOffset,
    commitOrRollback: decision === 'commit' ? SysFlag.TRANSACTION_COMMIT : SysFlag.TRANSACTION_ROLLBACK,
  });
  await ask(caller, { code: RequestCode.END_TRANSACTION, extFields });
}

async function send(
  caller: BrokerCaller,
  topic: string,
  queue: number,
  body: string,
  properties: Readonly<Record<string, string>>,
): Promise<MessagePlace> {
  const extFields = header(topic, queue, properties, false);
  const answer = await ask(caller, { code: RequestCode.SEND_MESSAGE_V2, body: Buffer.from(body), extFields });
  const { msgId, queueOffset } = SendMessageResponseHeader.decode(answer.extFields);
  return { queueOffset, physicalOffset: decodeOffsetMessageId(msgId)?.physicalOffset ?? -1 };
}

function header(
  topic: string,
  queue: number,
  properties: Readonly<Record<string, string>>,
  batch: boolean,
): ReturnType<typeof SendMessageHeaderV2.encode> {
  return SendMessageHeaderV2.encode({
    a: PRODUCER_GROUP,
    b: topic,
    c: 'TBW102',
    d: 4,
    e: queue,
    f: 'TRAN_MSG' in properties ? SysFlag.TRANSACTION_PREPARED : 0,
    g: Date.now(),
    h: 7,
    i: encodeProperties(new Map(Object.entries(properties))),
    j: 0,
    k: false,
    m: batch,
  });
}
