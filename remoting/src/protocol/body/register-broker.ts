import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { MqError } from '@cometmq/common/error/mq-error';
import type { DataVersion, TopicConfig } from '@cometmq/common/topic/topic-config';
import { ClientVersion } from '../version.ts';
import { jsonBody } from './json.ts';
import { asInteger, asObject, asStringRecord } from './shape.ts';
import { parseBody } from './tolerant-json.ts';
import { readDataVersion, readTopicConfig } from './topic-config.ts';

/** What a broker tells a name server about its topics: body of REGISTER_BROKER (Java: RegisterBrokerBody). */
export interface RegisterBrokerBody {
  readonly dataVersion: DataVersion;
  /** All of the broker's topics, or a part of them after a change or in a split registration. */
  readonly topics: readonly TopicConfig[];
}

/** A compressed registration may not be larger than this when unpacked. */
export const REGISTRATION_SIZE_MAX = 32 * 1024 * 1024;

/** First byte of a zlib stream, and of no JSON text. */
const ZLIB_FIRST_BYTE = 0x78;
const SEPARATOR = ' ';

/** The header field `bodyCrc32` of a body: CRC-32 with the sign bit cleared. */
export function registrationCrc(body: Buffer): number {
  return crc32(body) & 0x7fffffff;
}

/**
 * Reads either form; `compressed` is not asked, because 5.4.0 brokers compress and say that they did not.
 * @param version protocol version of the sender: brokers before 3.0.11 send the topic table alone.
 * @throws MqError `PROTOCOL` when it is neither.
 */
export function readRegisterBrokerBody(body: Buffer | undefined, version: number): RegisterBrokerBody {
  if (body?.[0] === ZLIB_FIRST_BYTE) return readCompressed(inflate(body));
  const members = asObject(parseBody(body));
  const wrapper =
    version < ClientVersion.V3_0_11 ? members : asObject(members['topicConfigSerializeWrapper']);
  const table = asObject(wrapper['topicConfigTable']);
  return {
    dataVersion: readDataVersion(wrapper['dataVersion']),
    topics: Object.entries(table).map(([name, config]) => ({ ...readTopicConfig(config), topicName: name })),
  };
}

/** The plain form, or the compressed one, which loses `order` and `topicSysFlag` (as upstream's does). */
export function writeRegisterBrokerBody(body: RegisterBrokerBody, compressed = false): Buffer {
  return compressed ? deflateSync(compressedContent(body)) : jsonBody(plainContent(body));
}

function plainContent({ dataVersion, topics }: RegisterBrokerBody): unknown {
  return {
    filterServerList: [],
    topicConfigSerializeWrapper: {
      dataVersion,
      mappingDataVersion: dataVersion,
      topicConfigTable: Object.fromEntries(topics.map((config) => [config.topicName, config])),
      topicQueueMappingDetailMap: {},
      topicQueueMappingInfoMap: {},
    },
  };
}

function compressedContent({ dataVersion, topics }: RegisterBrokerBody): Buffer {
  const count = int32(topics.length);
  const texts = topics.map((config) => sized(topicText(config)));
  // Behind the topics: no filter servers, no mappings of static topics.
  return Buffer.concat([sized(JSON.stringify(dataVersion)), count, ...texts, sized('[]'), int32(0)]);
}

/** Java: TopicConfig.encode. */
function topicText(config: TopicConfig): string {
  const { topicName, readQueueNums, writeQueueNums, perm, topicFilterType, attributes } = config;
  const fields = [
    topicName,
    readQueueNums,
    writeQueueNums,
    perm,
    topicFilterType,
    JSON.stringify(attributes),
  ];
  return fields.join(SEPARATOR);
}

function readCompressed(content: Buffer): RegisterBrokerBody {
  let at = 0;
  const integer = (): number => {
    if (at + 4 > content.length) throw cutOff();
    at += 4;
    return content.readInt32BE(at - 4);
  };
  const sizedText = (): string => {
    const size = integer();
    if (size < 0 || at + size > content.length) throw cutOff();
    at += size;
    return content.toString('utf8', at - size, at);
  };
  const dataVersion = readDataVersion(parseBody(Buffer.from(sizedText())));
  const topics: TopicConfig[] = [];
  for (let left = integer(); left > 0; left--) topics.push(readTopicText(sizedText()));
  // Filter servers and mappings of static topics follow; neither exists here.
  return { dataVersion, topics };
}

function readTopicText(text: string): TopicConfig {
  const [topicName = '', reads, writes, perm, filterType, ...attributes] = text.split(SEPARATOR);
  const attributesText = attributes.join(SEPARATOR);
  return {
    topicName,
    readQueueNums: asInteger(reads),
    writeQueueNums: asInteger(writes),
    perm: asInteger(perm),
    topicFilterType: filterType === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: attributesText === '' ? {} : asStringRecord(parseBody(Buffer.from(attributesText))),
  };
}

function inflate(body: Buffer): Buffer {
  try {
    return inflateSync(body, { maxOutputLength: REGISTRATION_SIZE_MAX });
  } catch (error) {
    throw new MqError(
      'PROTOCOL',
      `the registration can't be unpacked, or is larger than ${REGISTRATION_SIZE_MAX} bytes`,
      {
        cause: error,
      },
    );
  }
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int32(bytes.length), bytes]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function cutOff(): MqError {
  return new MqError('PROTOCOL', 'the registration is cut off');
}
