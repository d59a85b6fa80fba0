import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import { Property } from '@cometmq/common/message/property-names';
import { CheckTransactionHeader } from '@cometmq/remoting/protocol/header/send';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { ReceivedMessage } from '../message/received-message.ts';
import type { Codec } from '../message/topic.ts';
import { endRequest } from './end-transaction.ts';
import type { Decision, TransactionalOptions } from './transaction-options.ts';

export interface ChecksOptions<T> {
  readonly log: Logger;
  readonly group: string;
  readonly check: TransactionalOptions<T>['check'];
  readonly codecOf: (topic: string) => Codec<never, T>;
  readonly concurrency: number;
}

/** Questions that wait for their turn; the broker repeats those that are dropped. */
const WAITING_MAX = 2_000;
const DECISIONS: ReadonlySet<unknown> = new Set<Decision>(['commit', 'rollback', 'unknown']);

interface Question {
  readonly command: RemotingCommand;
  readonly channel: RemotingChannel;
}

/** Answers brokers that ask what became of a transaction. */
export class TransactionChecks<T> {
  readonly #options: ChecksOptions<T>;
  readonly #waiting: Question[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();

  constructor(options: ChecksOptions<T>) {
    this.#options = options;
  }

  /** Takes a question; its answer goes over the connection that it came from. */
  ask(command: RemotingCommand, channel: RemotingChannel): void {
    if (this.#abort.signal.aborted) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.#options.log.warn(
        { group: this.#options.group, waiting: WAITING_MAX },
        'more questions about transactions than can be answered; the broker will repeat them',
      );
      return;
    }
    this.#waiting.push({ command, channel });
    this.#next();
  }

  /** Resolves when no call of `check` runs any more. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#waiting.length = 0;
    await Promise.all(this.#running);
  }

  #next(): void {
    while (this.#running.size < this.#options.concurrency) {
      const question = this.#waiting.shift();
      if (question === undefined) return;
      const running = this.#answer(question)
        .catch((error: unknown) => {
          this.#options.log.error(
            { reason: errorText(error) },
            'a question about a transaction can not be read',
          );
        })
        .finally(() => {
          this.#running.delete(running);
          this.#next();
        });
      this.#running.add(running);
    }
  }

  async #answer({ command, channel }: Question): Promise<void> {
    const { group, codecOf } = this.#options;
    const header = CheckTransactionHeader.decode(command.extFields);
    const body = command.body ?? Buffer.alloc(0);
    const stored = decodeMessage(body, 0, body.length);
    const attempt = Number(stored.properties.get(Property.TRANSACTION_CHECK_TIMES) ?? 1);
    const broker = header.bname ?? '';
    const message = new ReceivedMessage(stored, broker, codecOf(stored.topic), 1);
    const decision = await this.#decide(message, Number.isInteger(attempt) ? attempt : 1);
    const half = {
      ...{ group, broker, messageId: message.messageId, topic: header.topic ?? stored.topic },
      ...{ queueOffset: header.tranStateTableOffset, logOffset: header.commitLogOffset },
    };
    channel.invokeOneway(endRequest(half, decision, true));
  }

  async #decide(message: ReceivedMessage<T>, attempt: number): Promise<Decision> {
    const { check, log, group } = this.#options;
    const { messageId, topic } = message;
    try {
      const decision = await check(message, { attempt, signal: this.#abort.signal });
      if (DECISIONS.has(decision)) return decision;
      log.error(
        { group, topic, messageId, answer: decision },
        "check must return 'commit', 'rollback' or 'unknown'",
      );
    } catch (error) {
      log.warn(
        { group, topic, messageId, reason: errorText(error), error },
        'check failed; the broker will ask again',
      );
    }
    return 'unknown';
  }
}
