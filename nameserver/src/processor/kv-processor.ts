import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import {
  KvHeader,
  KvNamespaceHeader,
  KvResponseHeader,
  PutKvHeader,
} from '@cometmq/remoting/protocol/header/name-server';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { KvConfig } from '../kv-config/kv-config.ts';
import type { HandlerTable } from './handler-table.ts';

/** Key-value requests of admin tools. */
export class KvProcessor {
  readonly #kvConfig: KvConfig;

  constructor(kvConfig: KvConfig) {
    this.#kvConfig = kvConfig;
  }

  handlers(): HandlerTable {
    return [
      [RequestCode.PUT_KV_CONFIG, (request) => this.#put(request)],
      [RequestCode.GET_KV_CONFIG, (request) => this.#get(request)],
      [RequestCode.DELETE_KV_CONFIG, (request) => this.#delete(request)],
      [RequestCode.GET_KVLIST_BY_NAMESPACE, (request) => this.#list(request)],
    ];
  }

  async #put(request: RemotingCommand): Promise<Reply> {
    const { namespace, key, value } = PutKvHeader.decode(request.extFields);
    if (namespace === '' || key === '') {
      return { code: ResponseCode.SYSTEM_ERROR, remark: 'namespace or key is null' };
    }
    await this.#kvConfig.put(namespace, key, value);
    return { code: ResponseCode.SUCCESS };
  }

  #get(request: RemotingCommand): Reply {
    const { namespace, key } = KvHeader.decode(request.extFields);
    const value = this.#kvConfig.get(namespace, key);
    if (value !== undefined)
      return { code: ResponseCode.SUCCESS, extFields: KvResponseHeader.encode({ value }) };
    return {
      code: ResponseCode.QUERY_NOT_FOUND,
      remark: `No config item, Namespace: ${namespace} Key: ${key}`,
      extFields: {},
    };
  }

  async #delete(request: RemotingCommand): Promise<Reply> {
    const { namespace, key } = KvHeader.decode(request.extFields);
    await this.#kvConfig.delete(namespace, key);
    return { code: ResponseCode.SUCCESS };
  }

  #list(request: RemotingCommand): Reply {
    const { namespace } = KvNamespaceHeader.decode(request.extFields);
    const entries = this.#kvConfig.entries(namespace);
    if (entries !== undefined) {
      return { code: ResponseCode.SUCCESS, body: jsonBody({ table: Object.fromEntries(entries) }) };
    }
    return { code: ResponseCode.QUERY_NOT_FOUND, remark: `No config item, Namespace: ${namespace}` };
  }
}
