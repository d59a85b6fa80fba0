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

export function conflictError(message: string, fix: string, why = 'it is left as it is'): CliError {
  return new CliError(ExitCode.CONFLICT, 'MQ-409', message, fix, why);
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
  const refusal = FILE_REFUSALS[errnoOf(thrown)];
  if (refusal !== undefined) return { code: 'MQ-FILE', exitCode: ExitCode.FAILED, what, ...refusal };
  return {
    code: 'MQ-BUG',
    exitCode: ExitCode.FAILED,
    what,
    why: 'this is a fault of comet itself',
    fix: 'run it again with --verbose and report what it prints',
  };
}

/** The code of a failed file operation; empty for all else. */
function errnoOf(thrown: unknown): string {
  if (!(thrown instanceof Error && 'syscall' in thrown && 'code' in thrown)) return '';
  return String(thrown.code);
}

/** What the system says of a path that a person chose, such as `--data` or `--ports-file`. */
const FILE_REFUSALS: Readonly<Record<string, { readonly why: string; readonly fix: string }>> = {
  EACCES: {
    why: 'this user may not write there',
    fix: 'give the user the permission, or choose another folder with --data',
  },
  EPERM: {
    why: 'this user may not write there',
    fix: 'give the user the permission, or choose another folder with --data',
  },
  EROFS: { why: 'the file system is read-only', fix: 'mount it for writing, or choose another folder' },
  ENOENT: { why: 'the folder above it does not exist and can not be made', fix: 'choose another path' },
  ENOTDIR: { why: 'a file is where a folder is needed', fix: 'remove the file, or choose another path' },
  EEXIST: { why: 'a file is where a folder is needed', fix: 'remove the file, or choose another path' },
  EISDIR: { why: 'a folder is where a file is needed', fix: 'choose another path' },
  ENOSPC: { why: 'the disk is full', fix: 'free disk space, or choose another folder with --data' },
  EDQUOT: { why: 'the quota is used up', fix: 'free disk space, or choose another folder with --data' },
};

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
  SERVICE_NOT_AVAILABLE: 'something that it needs is missing or in use',
  NOT_SUPPORTED: 'the server does not know how to do this',
  NO_PERMISSION: 'the server does not allow it',
};
