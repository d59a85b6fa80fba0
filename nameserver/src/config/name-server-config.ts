import { z } from 'zod';

const count = (fallback: number): z.ZodDefault<z.ZodInt> => z.int().min(1).default(fallback);

/** Settings of a name server; names are RocketMQ's where it has the setting. */
export const nameServerConfigSchema = z.strictObject({
  orderMessageEnable: z
    .boolean()
    .default(false)
    .describe('Routes carry the queue counts of ORDER_TOPIC_CONFIG.'),
  returnOrderTopicConfigToBroker: z
    .boolean()
    .default(true)
    .describe('Registrations are answered with ORDER_TOPIC_CONFIG.'),
  enableTopicList: z.boolean().default(true).describe('Topics may be listed by cluster and by kind.'),
  enableAllTopicList: z.boolean().default(true).describe('All topics may be listed.'),
  waitSecondsForService: z
    .int()
    .min(0)
    .max(600)
    .default(0)
    .describe(
      'Route requests are answered "not ready" for this long after the start, until brokers had time to register.',
    ),
  connectionsMax: count(10_000).describe('Open connections.'),
  brokersMax: count(1000).describe('Registered brokers, replicas included.'),
  topicsMax: count(100_000).describe('Topics.'),
  queueDatasMax: count(300_000).describe('Pairs of topic and broker.'),
  kvEntriesMax: count(10_000).describe('Keys of all key-value namespaces.'),
  kvBytesMax: count(4 * 1024 * 1024).describe('Size of the key-value file.'),
});

export type NameServerConfig = Readonly<z.infer<typeof nameServerConfigSchema>>;
/** What a caller gives; everything has a default. */
export type NameServerConfigInput = Readonly<z.input<typeof nameServerConfigSchema>>;
