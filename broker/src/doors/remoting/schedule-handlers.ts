import { MqError } from '@cometmq/common/error/mq-error';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import {
  ChangeScheduleHeader,
  ListSchedulesHeader,
  RecallMessageHeader,
  RecallMessageResponseHeader,
  RecurringScheduleHeader,
  ScheduleHistogramHeader,
} from '@cometmq/remoting/protocol/header/schedule';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { REGION } from '../../service/producer-service.ts';
import type { RecurringSchedule, ScheduleService } from '../../service/schedule-service.ts';
import type { HandlerTable } from './handler-table.ts';

const PAGE_DEFAULT = 100;

/** Timed messages are taken back, looked at and changed. */
export function scheduleHandlers(schedules: ScheduleService): HandlerTable {
  return [
    [
      RequestCode.RECALL_MESSAGE,
      async ({ extFields }): Promise<Reply> => {
        const { topic, recallHandle } = RecallMessageHeader.decode(extFields);
        const msgId = await schedules.recall(topic, recallHandle);
        return {
          code: ResponseCode.SUCCESS,
          extFields: RecallMessageResponseHeader.encode({ msgId, MSG_REGION: REGION }),
        };
      },
    ],
    [
      RequestCode.LIST_SCHEDULES,
      async ({ extFields }): Promise<Reply> => {
        const header = ListSchedulesHeader.decode(extFields);
        const { topic, key, from = 0, to = Number.MAX_SAFE_INTEGER, maxNum = PAGE_DEFAULT, cursor } = header;
        const { pending } = schedules;
        if (key !== undefined) return success({ schedules: await schedules.find(topic, key), pending });
        return success({ ...(await schedules.list({ topic, from, to, limit: maxNum, cursor })), pending });
      },
    ],
    [
      RequestCode.CANCEL_SCHEDULE,
      async ({ extFields }): Promise<Reply> => {
        const { topic, uniqueKey } = ChangeScheduleHeader.decode(extFields);
        return success({ result: await schedules.cancel(topic, uniqueKey) });
      },
    ],
    [
      RequestCode.MOVE_SCHEDULE,
      async ({ extFields }): Promise<Reply> => {
        const { topic, uniqueKey, dueAt } = ChangeScheduleHeader.decode(extFields);
        if (dueAt === undefined) throw new MqError('INVALID_ARGUMENT', 'the new time (dueAt) is missing');
        return success({ result: await schedules.move(topic, uniqueKey, dueAt) });
      },
    ],
    [
      RequestCode.FIRE_SCHEDULE,
      async ({ extFields }): Promise<Reply> => {
        const { topic, uniqueKey } = ChangeScheduleHeader.decode(extFields);
        return success({ result: await schedules.fire(topic, uniqueKey) });
      },
    ],
    [
      RequestCode.SCHEDULE_HISTOGRAM,
      async ({ extFields }): Promise<Reply> => {
        const { from, to, bucketMs } = ScheduleHistogramHeader.decode(extFields);
        const buckets = await schedules.histogram({ from, to }, bucketMs);
        return success({ buckets, pending: schedules.pending });
      },
    ],
    ...recurringHandlers(schedules.recurring),
  ];
}

function recurringHandlers(recurring: ScheduleService['recurring']): HandlerTable {
  return [
    [
      RequestCode.PUT_RECURRING_SCHEDULE,
      async ({ body }): Promise<Reply> => {
        await recurring.put(readRecurring(parseRequestBody(body)));
        return { code: ResponseCode.SUCCESS };
      },
    ],
    [RequestCode.LIST_RECURRING_SCHEDULES, (): Reply => success({ schedules: recurring.list() })],
    [
      RequestCode.REMOVE_RECURRING_SCHEDULE,
      async ({ extFields }): Promise<Reply> => {
        const { name } = RecurringScheduleHeader.decode(extFields);
        if (await recurring.remove(name)) return { code: ResponseCode.SUCCESS };
        throw new MqError('NOT_FOUND', `there is no recurring schedule ${name}`);
      },
    ],
  ];
}

function readRecurring(value: unknown): RecurringSchedule {
  const member = asObject(value);
  return {
    name: asString(member['name']),
    topic: asString(member['topic']),
    expression: asString(member['expression']),
    timeZone: asString(member['timeZone'], 'UTC'),
    body: asString(member['body']),
    tag: asString(member['tag']),
    keys: asString(member['keys']),
  };
}

function success(body: unknown): Reply {
  return { code: ResponseCode.SUCCESS, body: jsonBody(body) };
}
