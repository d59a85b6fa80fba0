import { apiPath } from './api.ts';

export type MessageMode = 'find' | 'key' | 'id' | 'time' | 'offset';

export const MODES: readonly MessageMode[] = ['find', 'key', 'id', 'time', 'offset'];

type Query = Readonly<Record<string, string>>;

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What the address says to look for: the mode named, else whatever was typed into the search box. */
export function modeOf(query: Query): MessageMode {
  return MODES.find((mode) => mode === query['mode']) ?? 'find';
}

/** Message ids are hexadecimal and long; nothing a person types looks like that. */
export function looksLikeId(text: string): boolean {
  return /^(?:[0-9a-f]{32,34}|[0-9a-f]{56})$/i.test(text);
}

/** `15m`, `1h`, `7d` before now. */
export function lastMs(text: string | undefined): number | undefined {
  const [, count, unit = ''] = /^(\d{1,4})([mhd])$/.exec(text ?? '') ?? [];
  const unitMs = UNIT_MS[unit];
  return count === undefined || unitMs === undefined ? undefined : Number(count) * unitMs;
}

/**
 * The API paths to ask, in order, until one finds something; none while the question is incomplete. A relative range
 * ends at `nowMs`, which the caller holds still while the question stays the same.
 */
export function searchPaths(query: Query, nowMs: number): string[] {
  const { topic, q = '', key = q, id = q } = query;
  switch (modeOf(query)) {
    case 'find': {
      if (q === '') return [];
      const byKey = apiPath(['messages', 'by-key'], { key: q, topic });
      const byId = apiPath(['messages', 'by-id'], { id: q, topic });
      if (!/^[\w.:%|-]+$/.test(q)) return [byKey];
      return looksLikeId(q) ? [byId, byKey] : [byKey, byId];
    }
    case 'key':
      return key === '' ? [] : [apiPath(['messages', 'by-key'], { key, topic })];
    case 'id':
      return id === '' ? [] : [apiPath(['messages', 'by-id'], { id, topic })];
    case 'time': {
      if (topic === undefined) return [];
      const last = lastMs(query['last'] ?? (query['from'] === undefined ? '1h' : undefined));
      const range =
        last === undefined
          ? { from: query['from'], to: query['until'] ?? nowMs }
          : { from: nowMs - last, to: nowMs };
      const { tag, text, cursor } = query;
      return [apiPath(['messages', 'by-time'], { topic, ...range, tag, text, cursor })];
    }
    case 'offset': {
      const { broker, queueId, offset } = query;
      if (topic === undefined || broker === undefined || queueId === undefined || offset === undefined)
        return [];
      return [apiPath(['messages', 'by-offset'], { topic, broker, queueId, offset })];
    }
  }
}

export interface MessagePlace {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
  readonly queueOffset: number;
}

/** A message in the address: `orders/broker-a/3/17`. Names of brokers may hold slashes no more than topics do. */
export function formatOpen(place: MessagePlace): string {
  return [place.topic, place.broker, place.queueId, place.queueOffset].join('/');
}

export function parseOpen(text: string | undefined): MessagePlace | undefined {
  const [topic, broker, queueId, queueOffset] = text?.split('/') ?? [];
  if (!topic || !broker || !/^\d+$/.test(queueId ?? '') || !/^\d+$/.test(queueOffset ?? '')) return undefined;
  return { topic, broker, queueId: Number(queueId), queueOffset: Number(queueOffset) };
}
