import { Property } from '@cometmq/common/message/property-names';
import type { StoredMessage } from '@cometmq/common/message/message';
import type { MessageDetail, MessageSummary } from '../api-contract.ts';
import type { FoundMessage } from '@cometmq/client/admin/message-admin';
import { decompressBody } from '@cometmq/common/compression/body-compression';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { known } from './known.ts';
import { LIMITS } from './limits.ts';

const SYSTEM_PROPERTIES: ReadonlySet<string> = new Set<string>(Object.values(Property));

export function messageSummary(message: FoundMessage): MessageSummary {
  const { broker, messageId, offsetMessageId } = message;
  const body = bodyOf(message);
  const keys = message.properties.get(Property.KEYS) ?? '';
  return known<MessageSummary>({
    topic: message.topic,
    broker,
    queueId: message.queueId,
    queueOffset: message.queueOffset,
    messageId,
    offsetMessageId,
    keys: keys.split(' ').filter((key) => key !== ''),
    tag: message.properties.get(Property.TAGS),
    bornAtMs: message.bornTimestamp,
    storedAtMs: message.storeTimestamp,
    bodyBytes: body?.length,
    reconsumeTimes: message.reconsumeTimes,
    bodyPreview: body && previewOf(body),
  });
}

export function messageDetail(message: FoundMessage): MessageDetail {
  const properties = [...message.properties].sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const body = bodyOf(message);
  const shown = (body ?? message.body).subarray(0, LIMITS.bodyBytesShownMax);
  return known<MessageDetail>({
    ...messageSummary(message),
    userProperties: recordOf(properties.filter(([name]) => !SYSTEM_PROPERTIES.has(name))),
    systemProperties: recordOf(properties.filter(([name]) => SYSTEM_PROPERTIES.has(name))),
    bornHost: `${message.bornHost.address}:${message.bornHost.port}`,
    storeHost: `${message.storeHost.address}:${message.storeHost.port}`,
    physicalOffset: message.physicalOffset,
    sizeBytes: message.storeSize,
    bodyCrc: message.bodyCrc,
    sysFlag: message.sysFlag,
    flag: message.flag,
    transactional: (message.sysFlag & SysFlag.TRANSACTION_MASK) !== 0,
    deliverAtMs: deliverAtMs(message),
    bodyBase64: shown.toString('base64'),
    bodyTruncated: shown.length < (body ?? message.body).length,
    compressed: (message.sysFlag & SysFlag.COMPRESSED) !== 0,
    bodyDamaged: body === undefined,
  });
}

/** The body as its producer gave it; undefined when it can't be unpacked. */
function bodyOf({ body, sysFlag }: FoundMessage): Buffer | undefined {
  try {
    return decompressBody(body, sysFlag, LIMITS.bodyBytesUnpackedMax);
  } catch {
    return undefined;
  }
}

/** Own properties only: a message may carry a property `__proto__`. */
function recordOf(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(entries);
}

function deliverAtMs(message: StoredMessage): number | undefined {
  const text =
    message.properties.get(Property.TIMER_DELIVER_MS) ?? message.properties.get(Property.START_DELIVER_TIME);
  const value = Number(text);
  return text !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** The start of a body that is readable text; undefined for anything else. */
function previewOf(body: Uint8Array): string | undefined {
  // A cut through a character shows as one replacement sign at the end, so look a few bytes further.
  const text = new TextDecoder('utf-8').decode(body.subarray(0, LIMITS.bodyPreviewChars * 4));
  const preview = text.slice(0, LIMITS.bodyPreviewChars);
  return /[\0-\x08\x0e-\x1f\ufffd]/.test(preview.slice(0, -1)) ? undefined : preview.replace(/\s+/g, ' ');
}
