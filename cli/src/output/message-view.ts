import type { FoundMessage } from '@cometmq/client/admin/message-admin';
import { keysOf } from '@cometmq/client/admin/message-admin';
import { errorText } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { bodyText } from './json-text.ts';
import type { Output } from './output.ts';
import type { Column } from './table.ts';

/** A message as the CLI prints it. */
export interface MessageView {
  readonly messageId: string;
  readonly offsetMessageId: string;
  readonly topic: string;
  /** `broker/queue`. */
  readonly queue: string;
  readonly queueOffset: number;
  readonly tag: string | undefined;
  readonly keys: string | undefined;
  readonly bornTime: string;
  readonly storeTime: string;
  readonly bornTimestamp: number;
  readonly storeTimestamp: number;
  readonly bornHost: string;
  readonly storeHost: string;
  readonly reconsumeTimes: number;
  readonly bodySize: number;
  /** Text when it is UTF-8, else base64. */
  readonly body: string | { readonly base64: string };
  /** First line of the body, for tables. */
  readonly preview: string;
  readonly properties: Readonly<Record<string, string>>;
}

const PREVIEW_LENGTH = 60;
/** Bodies that unpack to more are shown as they are stored. */
const BODY_MAX_BYTES = 64 * 1024 * 1024;

export async function messageView(message: FoundMessage, output: Output): Promise<MessageView> {
  const bytes = await plainBody(message, output);
  const text = bodyText(bytes);
  return {
    messageId: message.messageId,
    offsetMessageId: message.offsetMessageId,
    topic: message.topic,
    queue: `${message.broker}/${message.queueId}`,
    queueOffset: message.queueOffset,
    tag: message.properties.get(Property.TAGS),
    keys: keysOf(message).join(' ') || undefined,
    bornTime: output.time(message.bornTimestamp),
    storeTime: output.time(message.storeTimestamp),
    bornTimestamp: message.bornTimestamp,
    storeTimestamp: message.storeTimestamp,
    bornHost: hostText(message.bornHost),
    storeHost: hostText(message.storeHost),
    reconsumeTimes: message.reconsumeTimes,
    bodySize: bytes.length,
    body: text ?? { base64: bytes.toString('base64') },
    preview:
      text === undefined ? `${bytes.length} bytes` : (text.slice(0, PREVIEW_LENGTH).split('\n')[0] ?? ''),
    properties: Object.fromEntries(message.properties),
  };
}

export const MESSAGE_COLUMNS: readonly Column<MessageView>[] = [
  { title: 'stored', value: ({ storeTime }) => storeTime },
  { title: 'queue', value: ({ queue }) => queue },
  { title: 'offset', value: ({ queueOffset }) => queueOffset },
  { title: 'tag', value: ({ tag }) => tag },
  { title: 'keys', value: ({ keys }) => keys },
  { title: 'message id', value: ({ messageId }) => messageId },
  { title: 'body', value: ({ preview }) => preview },
  { title: 'size', value: ({ bodySize }) => bodySize, wide: true },
  { title: 'retries', value: ({ reconsumeTimes }) => reconsumeTimes, wide: true },
  { title: 'born host', value: ({ bornHost }) => bornHost, wide: true },
  { title: 'offset id', value: ({ offsetMessageId }) => offsetMessageId, wide: true },
];

/** Name and value of everything, for one message. */
export function messageEntries(view: MessageView): [string, unknown][] {
  return [
    ['message id', view.messageId],
    ['offset id', view.offsetMessageId],
    ['topic', view.topic],
    ['queue', view.queue],
    ['offset', view.queueOffset],
    ['tag', view.tag],
    ['keys', view.keys],
    ['born', `${view.bornTime} at ${view.bornHost}`],
    ['stored', `${view.storeTime} at ${view.storeHost}`],
    ['retries', view.reconsumeTimes],
    ['size', `${view.bodySize} bytes`],
    ...Object.entries(view.properties).map(([name, value]): [string, unknown] => [`  ${name}`, value]),
    ['body', typeof view.body === 'string' ? view.body : `base64 ${view.body.base64}`],
  ];
}

async function plainBody(message: FoundMessage, output: Output): Promise<Buffer> {
  if ((message.sysFlag & SysFlag.COMPRESSED) === 0) return message.body;
  try {
    // Loaded for compressed bodies only: the decoders take longer to load than the rest of a verb.
    const { decompressBody } = await import('@cometmq/common/compression/body-compression');
    return decompressBody(message.body, message.sysFlag, BODY_MAX_BYTES);
  } catch (error) {
    output.say(`body of ${message.messageId} is shown as it is stored: ${errorText(error)}`);
    return message.body;
  }
}

function hostText({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address}:${port}`;
}
