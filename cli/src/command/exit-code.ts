import type { ErrorKind } from '@cometmq/common/error/mq-error';

/** What the process ends with; scripts may rely on it. */
export const ExitCode = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  AUTH: 4,
  UNREACHABLE: 5,
  TIMEOUT: 6,
  PARTLY_DONE: 7,
  REFUSED_BY_GUARD: 8,
  CONFLICT: 9,
  INTERRUPTED: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface ErrorEntry {
  /** Stable name, for searching and for `comet explain`. */
  readonly code: string;
  readonly exitCode: ExitCode;
  /** What usually helps. */
  readonly fix: string;
}

/** The failures of operations, as the CLI names them. */
export const ERRORS: Readonly<Record<ErrorKind, ErrorEntry>> = {
  INVALID_ARGUMENT: {
    code: 'MQ-ARG-400',
    exitCode: ExitCode.USAGE,
    fix: 'correct the value and run it again',
  },
  MESSAGE_ILLEGAL: {
    code: 'MQ-MSG-400',
    exitCode: ExitCode.FAILED,
    fix: 'check size (4 MiB), topic and properties of the message',
  },
  MESSAGE_NOT_FOUND: {
    code: 'MQ-MSG-404',
    exitCode: ExitCode.NOT_FOUND,
    fix: 'it may have expired: comet topic stats TOPIC shows what is stored',
  },
  TOPIC_NOT_EXIST: {
    code: 'MQ-TOPIC-404',
    exitCode: ExitCode.NOT_FOUND,
    fix: 'see the names with: comet topic list; make one with: comet topic create TOPIC',
  },
  GROUP_NOT_EXIST: {
    code: 'MQ-GROUP-404',
    exitCode: ExitCode.NOT_FOUND,
    fix: 'see the names with: comet group list; make one with: comet group create GROUP',
  },
  NOT_FOUND: { code: 'MQ-404', exitCode: ExitCode.NOT_FOUND, fix: 'check the name' },
  CONFLICT: {
    code: 'MQ-409',
    exitCode: ExitCode.CONFLICT,
    fix: 'see how it was decided, for a transaction with: comet tx get ID',
  },
  NO_PERMISSION: {
    code: 'MQ-AUTH-403',
    exitCode: ExitCode.AUTH,
    fix: 'the server forbids this; ask who runs it',
  },
  NOT_SUPPORTED: {
    code: 'MQ-501',
    exitCode: ExitCode.FAILED,
    fix: 'the server is too old for this or has it switched off',
  },
  CONSUMER_NOT_ONLINE: {
    code: 'MQ-CLIENT-404',
    exitCode: ExitCode.NOT_FOUND,
    fix: 'see who is online with: comet group clients GROUP',
  },
  CLIENT_TIMEOUT: {
    code: 'MQ-CLIENT-408',
    exitCode: ExitCode.TIMEOUT,
    fix: 'the client is busy or does not know this call (ali-ons does not)',
  },
  SUBSCRIPTION_ILLEGAL: { code: 'MQ-SUB-400', exitCode: ExitCode.FAILED, fix: 'check the filter expression' },
  SYSTEM_BUSY: { code: 'MQ-BUSY-429', exitCode: ExitCode.FAILED, fix: 'try again a little later' },
  SERVICE_NOT_AVAILABLE: {
    code: 'MQ-503',
    exitCode: ExitCode.UNREACHABLE,
    fix: 'see the log of the server and try again',
  },
  STORE_FAILED: {
    code: 'MQ-STORE-500',
    exitCode: ExitCode.FAILED,
    fix: 'check the disk of the broker and its log',
  },
  DATA_DAMAGED: {
    code: 'MQ-STORE-502',
    exitCode: ExitCode.FAILED,
    fix: 'run: comet store verify --data DIR',
  },
  CONNECTION: {
    code: 'MQ-NET-503',
    exitCode: ExitCode.UNREACHABLE,
    fix: 'start a server with: comet dev; or name another one with: --namesrv host:port',
  },
  TIMEOUT: { code: 'MQ-NET-504', exitCode: ExitCode.TIMEOUT, fix: 'give it more time with: --timeout 20s' },
  PROTOCOL: {
    code: 'MQ-PROTO-502',
    exitCode: ExitCode.FAILED,
    fix: 'check that the port belongs to a RocketMQ or CometMQ server',
  },
  INTERNAL: {
    code: 'MQ-500',
    exitCode: ExitCode.FAILED,
    fix: 'see the log of the server; --verbose shows more',
  },
};
