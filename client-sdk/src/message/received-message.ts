import { decompressBody } from '@cometmq/common/compression/body-compression';
import { encodeHost } from '@cometmq/common/message/host';
import type { StoredMessage } from '@cometmq/common/message/message';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { Property } from '@cometmq/common/message/property-names';
import type { Codec } from './topic.ts';

/** A queue of a topic. */
export interface Queue {
  readonly broker: string;
  readonly id: number;
}

/** A decompressed body may not be larger than this. */
const BODY_SIZE_MAX = 64 * 1024 * 1024;

/** A message as handlers and readers get it. The body is decompressed and decoded when it is first looked at. */
export class ReceivedMessage<T = Buffer> {
  /** The topic it was sent to, also on a retry. */
  readonly topic: string;
  /** Where it was read from; a retry comes from a queue of the group's retry topic. */
  readonly queue: Queue;
  readonly offset: bigint;
  /** 1 for the first delivery. */
  readonly attempt: number;
  readonly properties: ReadonlyMap<string, string>;
  readonly #stored: StoredMessage;
  readonly #codec: Codec<never, T>;
  #bytes: Buffer | undefined;
  #body: { readonly value: T } | undefined;

  constructor(stored: StoredMessage, broker: string, codec: Codec<never, T>, attempt: number) {
    this.#stored = stored;
    this.#codec = codec;
    this.topic = stored.properties.get(Property.RETRY_TOPIC) ?? stored.topic;
    this.queue = { broker, id: stored.queueId };
    this.offset = BigInt(stored.queueOffset);
    this.attempt = attempt;
    this.properties = stored.properties;
  }

  /**
   * The decoded body.
   * @throws SchemaError when the codec refuses it, MqError `DATA_DAMAGED` when it can't be decompressed.
   */
  get body(): T {
    this.#body ??= { value: this.#codec.decode(this.bytes) };
    return this.#body.value;
  }

  /** The decompressed body. */
  get bytes(): Buffer {
    this.#bytes ??= decompressBody(this.#stored.body, this.#stored.sysFlag, BODY_SIZE_MAX);
    return this.#bytes;
  }

  /** The id the producer gave; the same on every redelivery. */
  get messageId(): string {
    return this.properties.get(Property.UNIQ_KEY) ?? this.offsetMessageId;
  }

  /** The id the broker gave: where the message lies. */
  get offsetMessageId(): string {
    const { storeHost, physicalOffset } = this.#stored;
    return encodeOffsetMessageId(encodeHost(storeHost.address, storeHost.port), physicalOffset);
  }

  get tag(): string | undefined {
    return this.properties.get(Property.TAGS);
  }

  get keys(): readonly string[] {
    return (
      this.properties
        .get(Property.KEYS)
        ?.split(' ')
        .filter((key) => key !== '') ?? []
    );
  }

  get shardingKey(): string | undefined {
    return this.properties.get(Property.SHARDING_KEY);
  }

  /** By the producer's clock. */
  get bornAt(): Date {
    return new Date(this.#stored.bornTimestamp);
  }

  /** By the broker's clock. */
  get storedAt(): Date {
    return new Date(this.#stored.storeTimestamp);
  }

  /** `address:port` the producer sent from. */
  get bornHost(): string {
    const { address, port } = this.#stored.bornHost;
    return `${address}:${port}`;
  }
}
