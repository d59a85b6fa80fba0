import {
  DERIVED_TOPIC_LENGTH_MAX,
  GROUP_LENGTH_MAX,
  groupNameFault,
  topicNameFault,
} from '@cometmq/common/topic/names';
import { z } from 'zod';
import type { RewindApplyRequest, RewindPreviewRequest, TopicCreate, TopicDelete } from '../api-contract.ts';
import { LIMITS } from '../view/limits.ts';

// Everything that comes in is checked here, and the API's description is generated from here.

export type Schema<T> = z.ZodType<T>;

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: string };

export function check<T>(schema: Schema<T>, value: unknown): Checked<T> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const faults = result.error.issues.slice(0, 3).map((issue) => {
    const place = issue.path.join('.');
    return place === '' ? issue.message : `${place}: ${issue.message}`;
  });
  return { ok: false, fault: faults.join('; ') };
}

const CLIENT_ID_LENGTH_MAX = 255;
const BROKER_NAME_LENGTH_MAX = 255;
const SEARCH_LENGTH_MAX = 255;
const CURSOR_LENGTH_MAX = 12_000;
const QUEUES_MAX = 1_024;

const topic = z
  .string()
  .min(1)
  .max(DERIVED_TOPIC_LENGTH_MAX)
  .refine((name) => topicNameFault(name) === undefined, { error: 'not a legal topic name' })
  .describe('Topic name.');
const group = z
  .string()
  .min(1)
  .max(GROUP_LENGTH_MAX)
  .refine((name) => groupNameFault(name) === undefined, { error: 'not a legal group name' })
  .describe('Consumer group name.');
const brokerName = z.string().min(1).max(BROKER_NAME_LENGTH_MAX).describe('Broker name.');
const wholeNumber = z.int().min(0);
/** A number in a query string. */
const queryNumber = z
  .string()
  .regex(/^\d{1,16}$/, { error: 'not a whole number' })
  .transform(Number)
  .refine(Number.isSafeInteger, { error: 'too large' });
const queryFlag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');
const searchText = z.string().max(SEARCH_LENGTH_MAX).optional();

const page = {
  offset: queryNumber.default(0).describe('Items to skip.'),
  limit: queryNumber
    .default(50)
    .refine((count) => count >= 1 && count <= LIMITS.pageItemsMax, { error: `1 to ${LIMITS.pageItemsMax}` })
    .describe('Items wanted.'),
};

export const nothing = z.object({});
export const topicParams = z.object({ topic });
export const groupParams = z.object({ group });
export const clientParams = z.object({ group, clientId: z.string().min(1).max(CLIENT_ID_LENGTH_MAX) });

export const topicListQuery = z.object({
  kind: z
    .enum(['user', 'retry', 'dlq', 'derived', 'system', 'all'])
    .default('user')
    .describe('`derived` = retry and dead-letter topics.'),
  q: searchText.describe('Part of the name.'),
  ...page,
});
export const groupListQuery = z.object({
  q: searchText.describe('Part of the name.'),
  system: queryFlag,
  ...page,
});
export const clientQuery = z.object({
  stack: queryFlag.describe('Ask for a thread dump as well; it costs the client time.'),
});

export const keyQuery = z.object({ key: z.string().min(1).max(SEARCH_LENGTH_MAX), topic: topic.optional() });
export const idQuery = z.object({
  id: z.string().regex(/^[\w.:%|-]{1,255}$/, { error: 'not a message id' }),
  topic: topic.optional(),
});
export const timeQuery = z.object({
  topic,
  from: queryNumber.describe('Store time, ms.'),
  to: queryNumber.describe('Store time, ms, inclusive.'),
  tag: z.string().min(1).max(SEARCH_LENGTH_MAX).optional(),
  text: z.string().min(1).max(SEARCH_LENGTH_MAX).optional().describe('In the body or a property value.'),
  cursor: z.string().max(CURSOR_LENGTH_MAX).optional(),
  limit: queryNumber
    .default(50)
    .refine((count) => count >= 1 && count <= LIMITS.pageItemsMax, { error: `1 to ${LIMITS.pageItemsMax}` }),
});
export const placeQuery = z.object({ topic, broker: brokerName, queueId: queryNumber, offset: queryNumber });
export const offsetQuery = placeQuery.extend({
  limit: queryNumber
    .default(16)
    .refine((count) => count >= 1 && count <= LIMITS.pullCountMax, { error: `1 to ${LIMITS.pullCountMax}` }),
});

export const topicCreate: Schema<TopicCreate> = z.strictObject({
  name: topic,
  queues: z.int().min(1).max(QUEUES_MAX),
  messageType: z.enum(['NORMAL', 'FIFO', 'DELAY', 'TRANSACTION']),
  brokers: z.array(brokerName).min(1).max(256).optional(),
});
export const topicDelete: Schema<TopicDelete> = z.strictObject({
  confirm: z.string().max(DERIVED_TOPIC_LENGTH_MAX),
});

export const rewindPreview: Schema<RewindPreviewRequest> = z.strictObject({
  topic,
  target: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('earliest') }),
    z.strictObject({ kind: z.literal('latest') }),
    z.strictObject({ kind: z.literal('time'), atMs: wholeNumber }),
  ]),
});
export const rewindApply: Schema<RewindApplyRequest> = z.strictObject({
  token: z.string().min(1).max(128),
  confirm: z.string().max(GROUP_LENGTH_MAX),
});
