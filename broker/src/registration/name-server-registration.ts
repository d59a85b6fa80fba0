import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { withTimeout } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { Perm } from '@cometmq/common/message/sys-flag';
import { registrationCrc, writeRegisterBrokerBody } from '@cometmq/remoting/protocol/body/register-broker';
import { BrokerIdentityHeader, RegisterBrokerHeader } from '@cometmq/remoting/protocol/header/name-server';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ChannelPool } from '@cometmq/remoting/transport/channel-pool';
import type { TopicTable } from '../topic/topic-table.ts';

export interface BrokerIdentity {
  readonly brokerName: string;
  readonly clusterName: string;
  /** `host:port` that clients dial. */
  readonly brokerAddr: string;
  readonly haServerAddr: string;
}

export interface RegistrationSettings {
  readonly nameServers: readonly string[];
  readonly periodMs: number;
  /** Bits that topics may keep; see `Perm`. */
  readonly permission: number;
}

const CALL_TIMEOUT_MS = 6_000;
/** A name server that did not answer is tried again this soon. */
const RETRY_MS = 1_000;
/** How long a change waits for the name servers before it is answered. */
const ANNOUNCE_WAIT_MS = 2_000;
const MASTER_ID = 0;

/**
 * Keeps this broker registered with every name server: regularly, and at once when a topic changed. Name servers are
 * independent; one that is away neither delays the others nor the broker.
 */
export class NameServerRegistration {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pool: ChannelPool;
  readonly #topics: TopicTable;
  readonly #identity: BrokerIdentity;
  readonly #settings: RegistrationSettings;
  readonly #loops: readonly RegistrationLoop[];

  constructor(
    clock: Clock,
    log: Logger,
    pool: ChannelPool,
    topics: TopicTable,
    identity: BrokerIdentity,
    settings: RegistrationSettings,
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#pool = pool;
    this.#topics = topics;
    this.#identity = identity;
    this.#settings = settings;
    this.#loops = settings.nameServers.map(
      (address) => new RegistrationLoop(clock, settings.periodMs, () => this.#register(address)),
    );
  }

  /** Resolves when every name server that can be reached knows this broker. */
  async start(): Promise<void> {
    this.#topics.onChange(() => {
      this.registerNow();
    });
    await Promise.all(this.#loops.map((loop) => loop.now()));
  }

  registerNow(): void {
    for (const loop of this.#loops) void loop.now();
  }

  /** Resolves when the name servers know the changes made until now, or soon when one can't be reached. */
  async announced(): Promise<void> {
    const told = Promise.all(this.#loops.map((loop) => loop.settled()));
    const late = (): Error => new MqError('TIMEOUT', 'no answer from a name server in time');
    await withTimeout(this.#clock, told, ANNOUNCE_WAIT_MS, late).catch((error: unknown) => {
      this.#log.warn({ reason: errorText(error) }, 'a change is answered before all name servers know it');
    });
  }

  /** Says goodbye, so that clients stop coming at once. */
  async stop(): Promise<void> {
    for (const loop of this.#loops) loop.stop();
    const { brokerName, brokerAddr, clusterName } = this.#identity;
    const extFields = BrokerIdentityHeader.encode({
      brokerName,
      brokerAddr,
      clusterName,
      brokerId: MASTER_ID,
    });
    await Promise.all(
      this.#settings.nameServers.map((address) =>
        this.#pool
          .invoke(address, { code: RequestCode.UNREGISTER_BROKER, extFields }, CALL_TIMEOUT_MS)
          .catch(() => undefined),
      ),
    );
  }

  async #register(address: string): Promise<boolean> {
    const topics = [...this.#topics.all()].map(({ config }) => ({
      ...config,
      perm: config.perm & (this.#settings.permission | Perm.INHERIT),
    }));
    const body = writeRegisterBrokerBody({ dataVersion: this.#topics.version, topics });
    const extFields = RegisterBrokerHeader.encode({
      ...this.#identity,
      brokerId: MASTER_ID,
      compressed: false,
      enableActingMaster: false,
      bodyCrc32: registrationCrc(body),
    });
    try {
      const request = { code: RequestCode.REGISTER_BROKER, extFields, body };
      const response = await this.#pool.invoke(address, request, CALL_TIMEOUT_MS);
      if (response.code === ResponseCode.SUCCESS) return true;
      this.#log.error(
        { nameServer: address, remark: response.remark },
        'a name server refused the registration',
      );
    } catch (error) {
      this.#log.warn({ nameServer: address, reason: errorText(error) }, 'a name server can not be reached');
    }
    return false;
  }

  get addresses(): readonly string[] {
    return this.#settings.nameServers;
  }
}

/** Registers with one name server, one call at a time. */
class RegistrationLoop {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #register: () => Promise<boolean>;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(clock: Clock, periodMs: number, register: () => Promise<boolean>) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#register = register;
  }

  /** Registers at once, or once more if a call is under way: it may have missed the change. */
  now(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#timer?.cancel();
    this.#running = this.#run();
    return this.#running;
  }

  /** Resolves when what was known at this moment was told, or could not be. */
  async settled(): Promise<void> {
    const isWantedAgain = this.#again;
    await this.#running;
    if (isWantedAgain) await this.now();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    this.#again = false;
    const registered = await this.#register();
    this.#running = undefined;
    if (this.#stopped) return;
    const waitMs = this.#isWantedAgain() ? 0 : registered ? this.#periodMs : RETRY_MS;
    this.#timer = this.#clock.setTimer(waitMs, () => void this.now());
  }

  /** A topic changed while the call was under way. */
  #isWantedAgain(): boolean {
    return this.#again;
  }
}
