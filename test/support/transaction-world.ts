// A broker with transactional producers, on a simulated disk, with time that the test moves.
import type { ClientChannel, TransactionQuestion } from '@cometmq/broker/client/client-channel';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import type { SendOutcome, SendRequest } from '@cometmq/broker/service/request-types';
import { TransactionAdminService } from '@cometmq/broker/service/transaction-admin-service';
import type { Decision, EndTransaction } from '@cometmq/broker/service/decided-transactions';
import { encodeHost } from '@cometmq/common/message/host';
import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { BrokerWorld, sendRequest } from './broker-world.ts';

export const GROUP = 'PG';
export const CLIENT = 'c1 10.0.0.7:50123';

export class TransactionWorld {
  world: BrokerWorld;
  admin: TransactionAdminService;
  config: Partial<BrokerConfig>;
  #sent = 0;

  private constructor(world: BrokerWorld, config: Partial<BrokerConfig>) {
    this.world = world;
    this.config = config;
    this.admin = this.#newAdmin();
  }

  static async open(
    config: Partial<BrokerConfig> = {},
    left?: Pick<BrokerWorld, 'clock' | 'disk' | 'kv'>,
  ): Promise<TransactionWorld> {
    const world = await BrokerWorld.open(config, left);
    return new TransactionWorld(world, config);
  }

  get table(): BrokerWorld['services']['openTransactions']['table'] {
    return this.world.services.openTransactions.table;
  }

  get stats(): BrokerWorld['services']['openTransactions']['stats'] {
    return this.world.services.openTransactions.stats;
  }

  /** Sends a half message with an id of its own. */
  sendHalf(
    properties: Record<string, string> = {},
    change: Partial<SendRequest> = {},
    topic = 'orders',
  ): Promise<SendOutcome> {
    const own = { TRAN_MSG: 'true', PGROUP: GROUP, KEYS: 'A1', UNIQ_KEY: `ID${++this.#sent}` };
    const flags = { sysFlag: SysFlag.TRANSACTION_PREPARED, ...change };
    return this.world.services.producing.send(sendRequest(topic, { ...own, ...properties }, flags));
  }

  end(half: SendOutcome, decision: Decision, change: Partial<EndTransaction> = {}): Promise<void> {
    return this.world.services.transactions.end({
      producerGroup: GROUP,
      queueOffset: half.queueOffset,
      physicalOffset: placeOf(half),
      ids: [half.uniqueKey, half.uniqueKey],
      decision,
      isAnswer: false,
      who: CLIENT,
      ...change,
    });
  }

  /** A member of a producer group comes online; what it is asked is in the answer. */
  producer(
    group = GROUP,
    clientId = 'c1',
    change: { isClosed?: boolean; isCongested?: boolean } = {},
  ): TransactionQuestion[] {
    const asked: TransactionQuestion[] = [];
    const channel: ClientChannel = {
      remote: '10.0.0.7:50123',
      isClosed: false,
      isCongested: false,
      notifyGroupChanged: () => undefined,
      notifyOffsetsReset: () => undefined,
      askTransaction: (question) => asked.push(question),
      close: () => undefined,
      ...change,
    };
    this.world.services.producers.beat(group, channel, { clientId, language: 'JAVA', version: 493 });
    return asked;
  }

  /** One look for questions that are due. */
  round(): Promise<void> {
    return this.world.services.openTransactions.check.round();
  }

  /** Time passes, with a look every half second. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await this.world.clock.advance(500);
      await this.round();
    }
  }

  /** What the broker does each second. */
  snapshot(): Promise<void> {
    return this.world.services.openTransactions.snapshot();
  }

  async restart(): Promise<void> {
    await this.world.close();
    await this.reopen(this.world);
  }

  /** Goes on with what a stop or a crash left. */
  async reopen(left: Pick<BrokerWorld, 'clock' | 'disk' | 'kv'>): Promise<void> {
    this.world = await BrokerWorld.open(this.config, left);
    this.admin = this.#newAdmin();
  }

  bodies(topic = 'orders'): string[] {
    return this.world.read(topic).map(({ body }) => body.toString());
  }

  /** What happened to a transaction, in words. */
  async story(name: string): Promise<string[]> {
    const { events } = await this.admin.get(name);
    return events.map((event) => {
      if (event.what === 'decided') return `${event.outcome} by ${event.by}`;
      return event.what === 'refused' ? `refused ${event.outcome}` : event.what;
    });
  }

  close(): Promise<void> {
    return this.world.close();
  }

  #newAdmin(): TransactionAdminService {
    const { clock, store, services } = this.world;
    return new TransactionAdminService({
      clock,
      config: brokerConfigSchema.parse(this.config),
      store,
      open: services.openTransactions,
      transactions: services.transactions,
      storeHost: encodeHost('127.0.0.1', 10_911),
    });
  }
}

export function placeOf(half: SendOutcome): number {
  return decodeOffsetMessageId(half.messageId)?.physicalOffset ?? -1;
}
