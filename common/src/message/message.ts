/** A message as a broker stores and delivers it. */
export interface StoredMessage {
  readonly topic: string;
  readonly queueId: number;
  /** Ordinal in its queue. */
  readonly queueOffset: number;
  /** Byte position in the broker's log. */
  readonly physicalOffset: number;
  /** User flag, stored verbatim. */
  readonly flag: number;
  readonly sysFlag: number;
  readonly bodyCrc: number;
  /** Producer's clock, ms. */
  readonly bornTimestamp: number;
  /** Broker's clock, ms. */
  readonly storeTimestamp: number;
  readonly bornHost: HostPort;
  readonly storeHost: HostPort;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  /** As stored; compressed when `sysFlag` says so. */
  readonly body: Buffer;
  readonly properties: ReadonlyMap<string, string>;
  /** Bytes of the record. */
  readonly storeSize: number;
}

export interface HostPort {
  readonly address: string;
  readonly port: number;
}
