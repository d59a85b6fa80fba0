import { MqError, errorText } from '@cometmq/common/error/mq-error';
import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { objectKeyMap, readMessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { asInteger, asObject } from '@cometmq/remoting/protocol/body/shape';
import { mapEntries, parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import {
  ConsumeMessageDirectlyHeader,
  ConsumerRunningInfoHeader,
} from '@cometmq/remoting/protocol/header/client';
import { ConsumerStatusHeader } from '@cometmq/remoting/protocol/header/offset';
import type { ExtFields, RemotingCommand, Reply, Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ClientVersion, versionName } from '@cometmq/remoting/protocol/version';
import type { ConsumerMember } from '../../client/consumer-group.ts';
import type { ClientDirectory } from '../../service/client-directory.ts';
import type { QueryService } from '../../service/query-service.ts';
import type { HandlerTable } from './handler-table.ts';
import { RemotingClientChannel } from './remoting-client-channel.ts';

/** How long a client may take to answer, ms (Java: Broker2Client). */
const CALL_TIMEOUT_MS = 10_000;
const STATUS_TIMEOUT_MS = 5_000;
/** Proof of who asks is meant for the broker, not for the client that is asked. */
const CREDENTIALS: ReadonlySet<string> = new Set(['AccessKey', 'Signature', 'SecurityToken']);

/** What admins ask of clients; the broker passes question and answer on (Java: AdminBrokerProcessor.callConsumer). */
export function clientCallHandlers(
  directory: ClientDirectory,
  queries: QueryService,
  brokerName: string,
): HandlerTable {
  return [
    [
      RequestCode.GET_CONSUMER_RUNNING_INFO,
      (request): Promise<Reply> => {
        const { consumerGroup, clientId } = ConsumerRunningInfoHeader.decode(request.extFields);
        return passOn(directory, consumerGroup, clientId, request, {});
      },
    ],
    [
      RequestCode.CONSUME_MESSAGE_DIRECTLY,
      async (request): Promise<Reply> => {
        const { consumerGroup, clientId, msgId } = ConsumeMessageDirectlyHeader.decode(request.extFields);
        const place = decodeOffsetMessageId(msgId ?? '');
        if (place === undefined)
          throw new MqError('INVALID_ARGUMENT', `${msgId ?? 'nothing'} is not the id of a stored message`);
        const body = await queries.byOffset(place.physicalOffset);
        const fields = { brokerName, topicSysFlag: '0', groupSysFlag: '0' };
        return passOn(directory, consumerGroup, clientId ?? '', { ...request, body }, fields);
      },
    ],
    [
      RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
      async ({ extFields }): Promise<Reply> => {
        const { topic, group, clientAddr } = ConsumerStatusHeader.decode(extFields);
        if (directory.members(group, '').length === 0) {
          throw new MqError('INTERNAL', `No Any Consumer online in the consumer group: [${group}]`);
        }
        const question = {
          code: RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
          extFields: ConsumerStatusHeader.encode({ topic, group }),
        };
        const asked = directory.members(group, clientAddr ?? '').map((member) => status(member, question));
        const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined);
        const text = `{"consumerTable":{${answers.join(',')}},"messageQueueTable":{}}`;
        return { code: ResponseCode.SUCCESS, body: Buffer.from(text) };
      },
    ],
  ];
}

/** Asks one member and answers what it answers. */
async function passOn(
  directory: ClientDirectory,
  group: string,
  clientId: string,
  request: RemotingCommand,
  added: ExtFields,
): Promise<Reply> {
  const member = clientId === '' ? undefined : directory.members(group, clientId)[0];
  if (member === undefined) throw new MqError('INTERNAL', `The Consumer <${group}> <${clientId}> not online`);
  if (member.version < ClientVersion.V3_1_8) {
    const version = versionName(member.version);
    throw new MqError(
      'INTERNAL',
      `The Consumer <${clientId}> Version <${version}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT`,
    );
  }
  const kept = Object.entries(request.extFields ?? {}).filter(([name]) => !CREDENTIALS.has(name));
  const extFields = { ...Object.fromEntries(kept), ...added };
  try {
    const {
      code,
      remark,
      extFields: fields,
      body,
    } = await ask(member, { code: request.code, extFields, body: request.body }, CALL_TIMEOUT_MS);
    return { code, remark, extFields: fields, body };
  } catch (error) {
    if (!(error instanceof MqError) || error.kind !== 'TIMEOUT') {
      throw new MqError(
        'INTERNAL',
        `invoke consumer <${group}> <${clientId}> Exception: ${errorText(error)}`,
        { cause: error },
      );
    }
    throw new MqError('CLIENT_TIMEOUT', `consumer <${group}> <${clientId}> Timeout: ${error.message}`, {
      cause: error,
    });
  }
}

/** A member of the answer's table, or undefined when the client can't be asked or does not answer. */
async function status(member: ConsumerMember, question: Request): Promise<string | undefined> {
  if (member.version < ClientVersion.V3_0_7) return undefined;
  try {
    const { code, body } = await ask(member, question, STATUS_TIMEOUT_MS);
    if (code !== ResponseCode.SUCCESS) return undefined;
    const queues = mapEntries(asObject(parseBody(body))['messageQueueTable']);
    const table = objectKeyMap(
      queues.map(([queue, offset]) => [readMessageQueue(queue), asInteger(offset)] as const),
    );
    return `${JSON.stringify(member.clientId)}:${table}`;
  } catch (error) {
    if (error instanceof MqError) return undefined;
    throw error;
  }
}

function ask(member: ConsumerMember, request: Request, timeoutMs: number): Promise<RemotingCommand> {
  if (member.channel instanceof RemotingClientChannel)
    return member.channel.channel.invoke(request, timeoutMs);
  return Promise.reject(
    new MqError('NOT_SUPPORTED', `${member.clientId} is not connected by the remoting protocol`),
  );
}
