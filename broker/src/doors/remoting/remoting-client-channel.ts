import { objectKeyMap } from '@cometmq/remoting/protocol/body/message-queue';
import { ConsumerGroupHeader } from '@cometmq/remoting/protocol/header/client';
import { ResetOffsetHeader } from '@cometmq/remoting/protocol/header/offset';
import { CheckTransactionHeader } from '@cometmq/remoting/protocol/header/send';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { ClientChannel, QueueOffset, TransactionQuestion } from '../../client/client-channel.ts';

/** A client on a remoting connection. There is one of these for each connection. */
export class RemotingClientChannel implements ClientChannel {
  readonly channel: RemotingChannel;
  readonly #brokerName: string;

  constructor(channel: RemotingChannel, brokerName: string) {
    this.channel = channel;
    this.#brokerName = brokerName;
  }

  get remote(): string {
    return this.channel.remote;
  }

  get isClosed(): boolean {
    return this.channel.isClosed;
  }

  get isCongested(): boolean {
    return this.channel.congested;
  }

  notifyGroupChanged(group: string): void {
    this.channel.invokeOneway({
      code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
      extFields: ConsumerGroupHeader.encode({ consumerGroup: group }),
    });
  }

  notifyOffsetsReset(group: string, topic: string, timestamp: number, offsets: readonly QueueOffset[]): void {
    const brokerName = this.#brokerName;
    const table = objectKeyMap(
      offsets.map(({ queueId, offset }) => [{ brokerName, queueId, topic }, offset] as const),
    );
    this.channel.invokeOneway({
      code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
      extFields: ResetOffsetHeader.encode({ topic, group, timestamp, isForce: true }),
      body: Buffer.from(`{"offsetTable":${table}}`),
    });
  }

  askTransaction(question: TransactionQuestion): void {
    this.channel.invokeOneway({
      code: RequestCode.CHECK_TRANSACTION_STATE,
      extFields: CheckTransactionHeader.encode({
        topic: question.topic,
        tranStateTableOffset: question.queueOffset,
        commitLogOffset: question.physicalOffset,
        msgId: question.uniqueKey,
        transactionId: question.uniqueKey,
        offsetMsgId: question.messageId,
        bname: this.#brokerName,
      }),
      body: question.record,
    });
  }

  close(): void {
    this.channel.close();
  }
}

/** Finds the client object of a connection. */
export class RemotingClients {
  readonly #brokerName: string;
  readonly #clients = new WeakMap<RemotingChannel, RemotingClientChannel>();

  constructor(brokerName: string) {
    this.#brokerName = brokerName;
  }

  of(channel: RemotingChannel): RemotingClientChannel {
    let client = this.#clients.get(channel);
    if (client === undefined)
      this.#clients.set(channel, (client = new RemotingClientChannel(channel, this.#brokerName)));
    return client;
  }
}
