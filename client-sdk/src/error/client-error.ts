import { MqError } from '@cometmq/common/error/mq-error';

/** A connection could not be opened, or broke before the answer came. */
export class ConnectError extends MqError {
  readonly address: string;
  /** False when the request certainly never left: it may be repeated without fear of a duplicate. */
  readonly requestSent: boolean;

  constructor(address: string, message: string, requestSent: boolean, cause?: unknown) {
    super('CONNECTION', message, {
      cause,
      hint: `check that a server listens at ${address} and that this machine can reach it`,
    });
    this.name = 'ConnectError';
    this.address = address;
    this.requestSent = requestSent;
  }
}

/** No answer came in time. The request may have been carried out. */
export class TimeoutError extends MqError {
  constructor(message: string, cause?: unknown) {
    super('TIMEOUT', message, { cause });
    this.name = 'TimeoutError';
  }
}

/** No name server knows where the topic is. */
export class RouteNotFoundError extends MqError {
  readonly topic: string;
  /** What each name server that was asked said. */
  readonly answers: readonly string[];

  constructor(topic: string, answers: readonly string[]) {
    super('TOPIC_NOT_EXIST', `no route to topic ${topic}: ${answers.join('; ')}`, {
      hint: 'create the topic, or let the brokers create topics on the first send (autoCreateTopicEnable)',
      retryable: false,
    });
    this.name = 'RouteNotFoundError';
    this.topic = topic;
    this.answers = answers;
  }
}

/** The broker, or this client's own send buffer, takes no more for the moment. */
export class BrokerBusyError extends MqError {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number, hint?: string) {
    super('SYSTEM_BUSY', message, hint === undefined ? {} : { hint });
    this.name = 'BrokerBusyError';
    this.retryAfterMs = retryAfterMs;
  }
}

export class MessageTooLargeError extends MqError {
  readonly sizeBytes: number;
  readonly limitBytes: number;

  constructor(what: string, sizeBytes: number, limitBytes: number) {
    super('MESSAGE_ILLEGAL', `${what} of ${sizeBytes} bytes exceeds the limit of ${limitBytes} bytes`, {
      hint: 'send a reference to a place where large content lies, or raise maxMessageSize here and at the broker',
    });
    this.name = 'MessageTooLargeError';
    this.sizeBytes = sizeBytes;
    this.limitBytes = limitBytes;
  }
}

/** A body does not fit its topic's codec. Repeating does not help. */
export class SchemaError extends MqError {
  readonly issues: readonly { readonly message: string }[];

  constructor(message: string, issues: readonly { readonly message: string }[], cause?: unknown) {
    super('MESSAGE_ILLEGAL', message, { cause });
    this.name = 'SchemaError';
    this.issues = issues;
  }
}

/** Used after `close`, or given up because of it. */
export class ClosedError extends MqError {
  constructor(what: string) {
    super('SERVICE_NOT_AVAILABLE', `the ${what} is closed`, { retryable: false });
    this.name = 'ClosedError';
  }
}

/** An option or an argument makes no sense. */
export class IllegalStateError extends MqError {
  constructor(message: string, hint?: string) {
    super('INVALID_ARGUMENT', message, hint === undefined ? {} : { hint });
    this.name = 'IllegalStateError';
  }
}

/** Thrown by a handler: no retry can help, the message goes to the dead letters at once. */
export class Unrecoverable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unrecoverable';
  }
}
