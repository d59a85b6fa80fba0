import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';

interface Body {
  readonly consumerDataSet: readonly {
    readonly groupName: string;
    readonly subscriptionDataSet: readonly { readonly topic: string; subVersion: number }[];
  }[];
}

/**
 * Recordings leave out repeated heartbeats, also those that only carry a newer version of a subscription. Without them a
 * broker has to answer that its subscription is not the latest.
 */
export class RepeatedHeartbeat {
  readonly #command: RemotingCommand;
  readonly #body: Body;
  #opaque = 900_000_000;

  constructor(command: RemotingCommand) {
    this.#command = command;
    this.#body = JSON.parse(command.body?.toString() ?? '{"consumerDataSet":[]}') as Body;
  }

  /** The heartbeat that must have come before this pull, or undefined when the last one says enough. */
  renewedFor({ extFields }: RemotingCommand): RemotingCommand | undefined {
    const { consumerGroup, topic, subVersion } = extFields ?? {};
    const consumer = this.#body.consumerDataSet.find(({ groupName }) => groupName === consumerGroup);
    const subscription = consumer?.subscriptionDataSet.find((data) => data.topic === topic);
    if (subscription === undefined || subscription.subVersion >= Number(subVersion)) return undefined;
    subscription.subVersion = Number(subVersion);
    return { ...this.#command, opaque: this.#opaque++, body: Buffer.from(JSON.stringify(this.#body)) };
  }
}
