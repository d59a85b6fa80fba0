import type { LogFields, Logger } from '@cometmq/common/logging/logger';

export interface LoggedLine extends LogFields {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly lines: LoggedLine[] = [];

  debug(fields: LogFields, text: string): void {
    this.lines.push({ level: 'debug', text, ...fields });
  }

  info(fields: LogFields, text: string): void {
    this.lines.push({ level: 'info', text, ...fields });
  }

  warn(fields: LogFields, text: string): void {
    this.lines.push({ level: 'warn', text, ...fields });
  }

  error(fields: LogFields, text: string): void {
    this.lines.push({ level: 'error', text, ...fields });
  }

  child(): Logger {
    return this;
  }

  /** Lines that an operator should see. */
  get complaints(): readonly LoggedLine[] {
    return this.lines.filter(({ level }) => level === 'warn' || level === 'error');
  }
}
