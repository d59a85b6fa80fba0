import { readPropertiesText, writePropertiesText } from '@cometmq/remoting/protocol/body/properties-text';
import { asObject, asStringRecord } from '@cometmq/remoting/protocol/body/shape';
import {
  KvHeader,
  KvNamespaceHeader,
  KvResponseHeader,
  PutKvHeader,
} from '@cometmq/remoting/protocol/header/name-server';
import type { Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession } from './admin-session.ts';
import type { ChangeResult } from './broker-selection.ts';
import { changeResult } from './broker-selection.ts';
import { absentIf, gatherSome } from './partial.ts';

/** Settings that name servers keep. They do not tell each other, so every change goes to all of them. */
export class NameServerAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** The value of a key; undefined when it is not set. */
  async getKv(namespace: string, key: string): Promise<string | undefined> {
    const extFields = KvHeader.encode({ namespace, key });
    const answer = await absentIf(
      ['NOT_FOUND'],
      this.#session.askNameServer({ code: RequestCode.GET_KV_CONFIG, extFields }),
    );
    return answer === undefined ? undefined : KvResponseHeader.decode(answer.extFields).value;
  }

  /** All keys of a namespace; an unknown namespace is empty. */
  async listKv(namespace: string): Promise<Record<string, string>> {
    const extFields = KvNamespaceHeader.encode({ namespace });
    const body = await absentIf(
      ['NOT_FOUND'],
      this.#session.askNameServerBody({ code: RequestCode.GET_KVLIST_BY_NAMESPACE, extFields }),
    );
    return asStringRecord(asObject(body)['table']);
  }

  putKv(namespace: string, key: string, value: string): Promise<ChangeResult> {
    return this.#tellAll({
      code: RequestCode.PUT_KV_CONFIG,
      extFields: PutKvHeader.encode({ namespace, key, value }),
    });
  }

  deleteKv(namespace: string, key: string): Promise<ChangeResult> {
    return this.#tellAll({
      code: RequestCode.DELETE_KV_CONFIG,
      extFields: KvHeader.encode({ namespace, key }),
    });
  }

  /** The settings of each name server, by address. */
  async config(): Promise<{ address: string; values: Record<string, string> }[]> {
    const { answers } = await gatherSome(this.#session.nameServerTargets(), async ({ address }) => {
      const { body } = await this.#session.ask(address, { code: RequestCode.GET_NAMESRV_CONFIG });
      return readPropertiesText(body?.toString('utf8') ?? '');
    });
    return answers.map(({ address, value }) => ({ address, values: value }));
  }

  updateConfig(values: Readonly<Record<string, string>>): Promise<ChangeResult> {
    return this.#tellAll({
      code: RequestCode.UPDATE_NAMESRV_CONFIG,
      body: Buffer.from(writePropertiesText(values)),
    });
  }

  async #tellAll(request: Request): Promise<ChangeResult> {
    const { answers, failures } = await gatherSome(this.#session.nameServerTargets(), ({ address }) =>
      this.#session.ask(address, request),
    );
    return changeResult(
      answers.map(({ server }) => server),
      failures,
    );
  }
}
