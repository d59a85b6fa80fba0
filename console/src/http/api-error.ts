import { type ErrorKind, MqError } from '@cometmq/common/error/mq-error';
import type { ApiErrorBody } from '../api-contract.ts';

/** A refusal that has nothing to do with messaging: wrong path, wrong header, wrong form. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

const STATUS_OF_KIND: Readonly<Record<ErrorKind, number>> = {
  INVALID_ARGUMENT: 400,
  MESSAGE_ILLEGAL: 400,
  SUBSCRIPTION_ILLEGAL: 400,
  NO_PERMISSION: 403,
  MESSAGE_NOT_FOUND: 404,
  TOPIC_NOT_EXIST: 404,
  GROUP_NOT_EXIST: 404,
  NOT_FOUND: 404,
  CONFLICT: 409,
  CONSUMER_NOT_ONLINE: 409,
  NOT_SUPPORTED: 501,
  SYSTEM_BUSY: 503,
  SERVICE_NOT_AVAILABLE: 503,
  CONNECTION: 502,
  PROTOCOL: 502,
  STORE_FAILED: 502,
  DATA_DAMAGED: 502,
  TIMEOUT: 504,
  CLIENT_TIMEOUT: 504,
  INTERNAL: 500,
};

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ApiErrorBody;
  /** False for bugs: the caller logs them. */
  readonly expected: boolean;
}

/** What a failure looks like to the caller. A bug says nothing of the inside. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  if (thrown instanceof HttpError) {
    return { status: thrown.status, body: body(thrown.code, thrown.message, thrown.hint), expected: true };
  }
  if (thrown instanceof MqError) {
    const status = STATUS_OF_KIND[thrown.kind];
    return {
      status,
      body: body(thrown.kind, thrown.message, thrown.hint ?? HINTS[thrown.kind]),
      expected: true,
    };
  }
  const hint = "The console's log has the details.";
  return { status: 500, body: body('INTERNAL', 'The console failed.', hint), expected: false };
}

const HINTS: Partial<Record<ErrorKind, string>> = {
  CONNECTION: 'Check that the name server and the broker run and can be reached from the console.',
  TIMEOUT: 'The broker is slow or gone. Try again.',
  NOT_SUPPORTED: 'The broker does not know this request.',
};

function body(code: string, message: string, hint: string | undefined): ApiErrorBody {
  return { error: hint === undefined ? { code, message } : { code, message, hint } };
}
