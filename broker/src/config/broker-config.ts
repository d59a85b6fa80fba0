import { z } from 'zod';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** A broker's settings; names in file, environment and flags follow these. */
export const brokerConfigSchema = z.object({
  name: z.string().default('broker-a').describe('broker name; unique in the cluster'),
  cluster: z.string().default('DefaultCluster').describe('cluster name'),
  host: z.string().default('127.0.0.1').describe('address to listen on'),
  advertise: z.string().default('').describe('IPv4 address that clients dial; empty: the listen address'),
  port: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(10_911)
    .describe('remoting port; the VIP port is two below'),
  nameServers: z.array(z.string()).default([]).describe('name servers to register with, host:port'),
  flush: z
    .enum(['sync', 'async'])
    .default('sync')
    .describe('acknowledge after the disk (sync) or the system has it (async)'),
  permission: z.coerce
    .number()
    .int()
    .min(0)
    .max(7)
    .default(6)
    .describe('4 read, 2 write; topics are limited by it'),
  autoCreateTopic: z.boolean().default(true).describe('make unknown topics when a message is sent to them'),
  autoCreateGroup: z.boolean().default(true).describe('make unknown consumer groups when they connect'),
  propertyFilter: z.boolean().default(true).describe('allow consumers to filter by SQL92 expressions'),
  traceTopic: z.boolean().default(true).describe('keep the message trace topic'),
  defaultTopicQueues: z.coerce
    .number()
    .int()
    .min(1)
    .max(4_096)
    .default(8)
    .describe('queues of the template topic'),
  maxMessageSizeBytes: z.coerce
    .number()
    .int()
    .min(1024)
    .max(4 * MIB)
    .default(4 * MIB)
    .describe('largest message body'),
  pullBatchMax: z.coerce.number().int().min(1).max(1024).default(32).describe('messages of one pull answer'),
  pullBytesMax: z.coerce
    .number()
    .int()
    .min(1024)
    .max(8 * MIB)
    .default(256 * 1024)
    .describe('bytes of one pull answer'),
  popInFlightMax: z.coerce
    .number()
    .int()
    .min(32)
    .max(1_000_000)
    .default(20_000)
    .describe('popped messages of one queue that a group may leave unacknowledged'),
  popRetryTopicV2: z
    .boolean()
    .default(false)
    .describe('name POP’s retry topics %RETRY%group+topic instead of %RETRY%group_topic'),
  segmentSizeBytes: z.coerce
    .number()
    .int()
    .min(MIB)
    .max(1024 * MIB)
    .multipleOf(4096)
    .default(256 * MIB)
    .describe('size of a log file; fixed for the life of a store'),
  retentionMs: z.coerce
    .number()
    .int()
    .min(60_000)
    .default(72 * HOUR_MS)
    .describe('messages older than this may go'),
  logSizeMaxBytes: z.coerce
    .number()
    .int()
    .min(2 * MIB)
    .default(64 * 1024 * MIB)
    .describe('the oldest messages go when the log is larger'),
  diskWarnPercent: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(75)
    .describe('share of the disk in use from which on the log warns'),
  diskFullPercent: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(90)
    .describe('share from which on messages are refused, unless 16 GiB are still free'),
  delayLevels: z
    .string()
    .default('1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h')
    .describe('delays of levels 1 to n; also the ladder of retries'),
  schedulePendingMax: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000_000)
    .default(20_000_000)
    .describe('timed messages that may wait; further ones are refused'),
  scheduleDelayMaxMs: z.coerce
    .number()
    .int()
    .min(0)
    .default(366 * 24 * HOUR_MS)
    .describe('furthest time ahead that a message can be timed for'),
  groupGuard: z
    .enum(['report', 'refuse'])
    .default('report')
    .describe('members that do not fit their consumer group: tell (report), or keep new ones out (refuse)'),
  rejectTransactions: z.boolean().default(false).describe('take no transactional messages'),
  transactionTimeoutMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(24 * HOUR_MS)
    .default(6_000)
    .describe('age from which on producers are asked about undecided transactions'),
  transactionCheckIntervalMs: z.coerce
    .number()
    .int()
    .min(500)
    .max(24 * HOUR_MS)
    .default(30_000)
    .describe('pause between two questions about one transaction'),
  transactionCheckMax: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(15)
    .describe('questions about one transaction; then it is left to an operator'),
  transactionOpenMax: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(200_000)
    .describe('undecided transactions; further ones are refused'),
  transactionOpenBytesMax: z.coerce
    .number()
    .int()
    .min(MIB)
    .default(1024 * MIB)
    .describe('bytes of undecided transactions; further ones are refused'),
  registerPeriodMs: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(60_000)
    .default(30_000)
    .describe('name server registration'),
});

export type BrokerConfig = Readonly<z.infer<typeof brokerConfigSchema>>;
