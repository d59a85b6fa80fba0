import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { readPropertiesText, writePropertiesText } from '@cometmq/remoting/protocol/body/properties-text';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { PROTOCOL_VERSION, PROTOCOL_VERSION_NAME } from '@cometmq/remoting/protocol/version';
import type { BrokerAdminService } from '../../service/broker-admin-service.ts';
import type { RuntimeInfoService } from '../../service/runtime-info-service.ts';
import type { TopicAdminService } from '../../service/topic-admin-service.ts';
import type { HandlerTable } from './handler-table.ts';

const SUCCESS: Reply = { code: ResponseCode.SUCCESS };

/** The broker's numbers, settings and housekeeping. */
export function brokerAdminHandlers(
  broker: BrokerAdminService,
  runtime: RuntimeInfoService,
  topics: TopicAdminService,
): HandlerTable {
  return [...settingsHandlers(broker, runtime), ...housekeepingHandlers(broker, topics)];
}

function settingsHandlers(broker: BrokerAdminService, runtime: RuntimeInfoService): HandlerTable {
  return [
    [
      RequestCode.GET_BROKER_RUNTIME_INFO,
      async (): Promise<Reply> => {
        const version = { brokerVersionDesc: PROTOCOL_VERSION_NAME, brokerVersion: String(PROTOCOL_VERSION) };
        return { ...SUCCESS, body: jsonBody({ table: { ...version, ...(await runtime.table()) } }) };
      },
    ],
    [
      RequestCode.GET_BROKER_CONFIG,
      (): Reply => {
        const version = JSON.stringify({
          counter: broker.changeCount,
          stateVersion: 0,
          timestamp: runtime.startedAt,
        });
        return {
          ...SUCCESS,
          extFields: { version },
          body: Buffer.from(writePropertiesText(broker.config())),
        };
      },
    ],
    [
      RequestCode.UPDATE_BROKER_CONFIG,
      async ({ body }): Promise<Reply> => {
        const asked = readPropertiesText(body?.toString('utf8') ?? '');
        if (Object.keys(asked).length === 0) {
          return { code: ResponseCode.SYSTEM_ERROR, remark: 'string2Properties error' };
        }
        await broker.change(asked);
        return SUCCESS;
      },
    ],
    [
      RequestCode.GET_BROKER_HA_STATUS,
      (): Reply => {
        const body = jsonBody({
          haClientRuntimeInfo: NO_REPLICA,
          haConnectionInfo: [],
          inSyncSlaveNums: 0,
          master: true,
          masterCommitLogMaxOffset: broker.logEnd,
        });
        return { ...SUCCESS, body };
      },
    ],
  ];
}

function housekeepingHandlers(broker: BrokerAdminService, topics: TopicAdminService): HandlerTable {
  const expire = async (): Promise<Reply> => {
    await broker.expire();
    return SUCCESS;
  };
  return [
    [RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE, expire],
    [RequestCode.DELETE_EXPIRED_COMMITLOG, expire],
    [
      RequestCode.CLEAN_UNUSED_TOPIC,
      async (): Promise<Reply> => {
        await topics.removeUnused();
        return SUCCESS;
      },
    ],
    [
      RequestCode.GET_ALL_DELAY_OFFSET,
      (): Reply => {
        const offsets = broker.delayOffsets().map((offset, index) => [String(index + 1), offset] as const);
        return { ...SUCCESS, body: jsonBody({ offsetTable: Object.fromEntries(offsets) }) };
      },
    ],
  ];
}

const NO_REPLICA = {
  lastReadTimestamp: 0,
  lastWriteTimestamp: 0,
  masterFlushOffset: 0,
  maxOffset: 0,
  transferredByteInSecond: 0,
};
