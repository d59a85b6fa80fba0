import process from 'node:process';
import type { LogFields, Logger } from '@cometmq/common/logging/logger';

/** The default of the SDK: silent below `warn`, one line on standard error, never a file. */
export function stderrLogger(fields: LogFields = {}): Logger {
  const write = (level: string, own: LogFields, text: string): void => {
    process.stderr.write(`${JSON.stringify({ level, msg: text, ...fields, ...own }, plain)}\n`);
  };
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (own, text) => {
      write('warn', own, text);
    },
    error: (own, text) => {
      write('error', own, text);
    },
    child: (own) => stderrLogger({ ...fields, ...own }),
  };
}

function plain(_name: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  return typeof value === 'bigint' ? value.toString() : value;
}
