import { MqError } from '@cometmq/common/error/mq-error';
import { ERRORS, ExitCode } from './exit-code.ts';

/** A failure of the CLI itself: wrong usage, a guard, a conflict. */
export class CliError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly why: string;
  readonly fix: string;

  constructor(exitCode: ExitCode, code: string, message: string, fix: string, why: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.code = code;
    this.fix = fix;
    this.why = why;
  }
}

export function usageError(message: string, fix: string): CliError {
  return new CliError(
    ExitCode.USAGE,
    'MQ-USAGE',
    message,
    fix,
    'the command line says too little or something else',
  );
}

export function conflictError(message: string, fix: string): CliError {
  return new CliError(ExitCode.CONFLICT, 'MQ-409', message, fix, 'it is left as it is');
}

export function notFoundError(code: string, message: string, fix: string): CliError {
  return new CliError(ExitCode.NOT_FOUND, code, message, fix, 'no server that was asked knows it');
}

export interface DescribedError {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** What, why and how to fix, of anything that was thrown. */
export function describeError(thrown: unknown): DescribedError {
  if (thrown instanceof CliError) {
    return {
      code: thrown.code,
      exitCode: thrown.exitCode,
      what: thrown.message,
      why: thrown.why,
      fix: thrown.fix,
    };
  }
  if (thrown instanceof MqError) {
    const { code, exitCode, fix } = ERRORS[thrown.kind];
    return { code, exitCode, what: thrown.message, why: causeOf(thrown), fix: thrown.hint ?? fix };
  }
  const what = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: 'MQ-BUG',
    exitCode: ExitCode.FAILED,
    what,
    why: 'this is a fault of comet itself',
    fix: 'run it again with --verbose and report what it prints',
  };
}

function causeOf(error: MqError): string {
  if (error.cause instanceof Error && !error.message.includes(error.cause.message))
    return error.cause.message;
  return WHY[error.kind] ?? 'the server refused the request';
}

const WHY: Partial<Record<MqError['kind'], string>> = {
  INVALID_ARGUMENT: 'the value is not allowed',
  TOPIC_NOT_EXIST: 'no broker that the name servers know has the topic',
  GROUP_NOT_EXIST: 'no broker has a consumer group of this name',
  NOT_FOUND: 'nothing of this name is known',
  CONNECTION: 'nothing answers at this address',
  TIMEOUT: 'the server got the request but did not answer in time',
  CONSUMER_NOT_ONLINE: 'no such client is connected to the broker',
  NOT_SUPPORTED: 'the server does not know how to do this',
  NO_PERMISSION: 'the server does not allow it',
};
