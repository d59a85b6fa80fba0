import type { Clock } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { readMessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { asArray, asObject } from '@cometmq/remoting/protocol/body/shape';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { Connections } from '../connection/connections.ts';
import { remoteError } from '../connection/remote-error.ts';
import type { RouteTable } from '../route/route-table.ts';
import { queueKey } from '../route/topic-queues.ts';

export interface QueueLocksOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly connections: Connections;
  readonly routes: RouteTable;
  readonly group: string;
  readonly clientId: string;
}

/** A lock counts for this long after the broker confirmed it; the broker itself keeps it 60 s. */
const LOCK_VALID_MS = 30_000;
const TIMEOUT_MS = 3000;

/** The queues this ordered consumer alone may work on, granted by their brokers. */
export class QueueLocks {
  readonly #options: QueueLocksOptions;
  /** Monotonic ms of the request that was granted. */
  readonly #granted = new Map<string, number>();

  constructor(options: QueueLocksOptions) {
    this.#options = options;
  }

  isHeld(queue: MessageQueue): boolean {
    const grantedMs = this.#granted.get(queueKey(queue));
    return grantedMs !== undefined && this.#options.clock.monotonic() - grantedMs < LOCK_VALID_MS;
  }

  /** Asks for these queues, or renews them. Brokers that can't be reached grant nothing. */
  async lock(queues: readonly MessageQueue[]): Promise<void> {
    const { clock, log } = this.#options;
    await Promise.all(
      [...byBroker(queues)].map(async ([brokerName, mqSet]) => {
        const askedMs = clock.monotonic();
        try {
          const granted = await this.#ask(RequestCode.LOCK_BATCH_MQ, brokerName, mqSet);
          const keys = new Set(granted.map(queueKey));
          for (const queue of mqSet) {
            if (keys.has(queueKey(queue))) this.#granted.set(queueKey(queue), askedMs);
            else this.#granted.delete(queueKey(queue));
          }
        } catch (error) {
          log.warn({ broker: brokerName, reason: errorText(error) }, 'queues not locked');
        }
      }),
    );
  }

  /** Gives queues back, so that another member need not wait for the locks to expire. */
  async unlock(queues: readonly MessageQueue[]): Promise<void> {
    for (const queue of queues) this.#granted.delete(queueKey(queue));
    await Promise.all(
      [...byBroker(queues)].map(async ([brokerName, mqSet]) => {
        await this.#ask(RequestCode.UNLOCK_BATCH_MQ, brokerName, mqSet).catch((error: unknown) => {
          this.#options.log.warn({ broker: brokerName, reason: errorText(error) }, 'queues not unlocked');
        });
      }),
    );
  }

  async #ask(code: number, brokerName: string, mqSet: readonly MessageQueue[]): Promise<MessageQueue[]> {
    const { connections, routes, group, clientId } = this.#options;
    const address = routes.master(brokerName) ?? '';
    const body = jsonBody({ clientId, consumerGroup: group, mqSet, onlyThisBroker: false });
    const answer = await connections.invoke(address, { code, body }, TIMEOUT_MS);
    if (answer.code !== ResponseCode.SUCCESS) throw remoteError(code, answer, address);
    if (answer.body === undefined) return [];
    return asArray(asObject(parseBody(answer.body))['lockOKMQSet']).map(readMessageQueue);
  }
}

function byBroker(queues: readonly MessageQueue[]): Map<string, MessageQueue[]> {
  const groups = new Map<string, MessageQueue[]>();
  for (const queue of queues) {
    const group = groups.get(queue.brokerName);
    if (group === undefined) groups.set(queue.brokerName, [queue]);
    else group.push(queue);
  }
  return groups;
}
