import { createTask, validate } from 'node-cron';
import { MqError, errorText } from '@cometmq/common/error/mq-error';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** The times of a cron expression. */
export interface CronTimes {
  /** Times are multiples of it, ms. */
  readonly stepMs: number;
  matches(time: number): boolean;
}

/**
 * Reads a cron expression of five fields, or of six with seconds first, in a time zone such as `Europe/Berlin`. A time that
 * a change of the clocks leaves out does not happen, one that it repeats happens twice.
 * @throws MqError `INVALID_ARGUMENT`.
 */
export function cronTimes(expression: string, timeZone: string): CronTimes {
  if (!validate(expression)) {
    throw new MqError('INVALID_ARGUMENT', `${expression} is not a cron expression`, {
      hint: 'five fields, such as 30 9 * * 1-5 (minute, hour, day, month, day of week); a sixth in front is the second',
    });
  }
  try {
    const task = createTask(expression, () => undefined, { timezone: timeZone });
    task.match(new Date(0));
    const hasSeconds = expression.trim().split(/\s+/).length === 6;
    return { stepMs: hasSeconds ? SECOND_MS : MINUTE_MS, matches: (time) => task.match(new Date(time)) };
  } catch (error) {
    throw new MqError('INVALID_ARGUMENT', errorText(error), {
      hint: 'time zones are named as Europe/Berlin or UTC',
    });
  }
}
