/** The public API of `@cometmq/client`. */
export type { Logger } from '@cometmq/common/logging/logger';
export { silentLogger } from '@cometmq/common/logging/logger';
export type { ErrorKind } from '@cometmq/common/error/mq-error';
export { MqError } from '@cometmq/common/error/mq-error';
export type { AdminOptions, MqAdmin } from './admin/admin-client.ts';
export { createAdmin } from './admin/admin-client.ts';
export { ResponseError } from './admin/response-error.ts';
export type { ClientOptions, ClientPorts, LoggerLike } from './client/client-options.ts';
export type { ClientEvents, ClientHealth, ClientState, MqClient } from './client/mq-client.ts';
export { createClient } from './client/mq-client.ts';
export type { ConnectionHealth } from './connection/connections.ts';
export type {
  BatchConsumerOptions,
  BatchOptions,
  BatchResult,
  ConsumerOptions,
  HandlerResult,
  MessageConsumerOptions,
  RetryOptions,
  StartFrom,
  Subscription,
} from './consumer/consumer-options.ts';
export type { RetryBackoff } from './consumer/delay-level.ts';
export { exponential } from './consumer/delay-level.ts';
export type { MessageContext, RetryDirective } from './consumer/message-context.ts';
export type { CloseOptions, ConsumerEvents, ConsumerHealth, TopicQueue } from './consumer/consumer-events.ts';
export type { PushConsumer } from './consumer/push-consumer.ts';
export {
  BrokerBusyError,
  ClosedError,
  ConnectError,
  IllegalStateError,
  MessageTooLargeError,
  RouteNotFoundError,
  SchemaError,
  TimeoutError,
  Unrecoverable,
} from './error/client-error.ts';
export type { Filter } from './message/filter.ts';
export { sql, tags } from './message/filter.ts';
export type { Queue, ReceivedMessage } from './message/received-message.ts';
export type { Codec, StandardSchema, Topic } from './message/topic.ts';
export { json, text, topic } from './message/topic.ts';
export type { Duration, Moment } from './options/duration.ts';
export type { DelayLevel, OutgoingMessage } from './producer/outgoing-message.ts';
export type {
  BatchItemResult,
  Producer,
  ProducerOptions,
  ProducerStats,
  SendOptions,
} from './producer/producer.ts';
export type { CancelResult, ScheduledMessage } from './producer/schedule-cancel.ts';
export type { SendResult, SendStatus } from './producer/send-result.ts';
export type {
  CheckContext,
  Decision,
  Transaction,
  TransactionResult,
  TransactionalOptions,
} from './transaction/transaction-options.ts';
export { Rollback } from './transaction/transaction-options.ts';
export type { LocalTransaction, TransactionalProducer } from './transaction/transactional-producer.ts';
export type { Reader } from './reader/reader.ts';
export type { ReadFrom, ReaderOptions, ReaderPosition, ReaderPullOptions } from './reader/reader-options.ts';
export type { SimpleConsumer } from './simple/simple-consumer.ts';
export type { ReceiveOptions, SimpleConsumerOptions } from './simple/simple-consumer-options.ts';
