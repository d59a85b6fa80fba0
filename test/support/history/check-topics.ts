import type { Checker } from './history-view.ts';

/** A topic whose creation was acknowledged is not there (settings are as durable as messages). */
export const checkTopics: Checker = ({ events, drains }) => {
  const created = events
    .filter(({ op, phase }) => op === 'create' && phase === 'ok')
    .map(({ topic = '' }) => topic);
  return drains.flatMap((drain) => {
    const seen = new Set(
      events.filter(({ op, proc }) => op === 'exists' && proc === drain).map(({ topic }) => topic),
    );
    return created
      .filter((topic) => !seen.has(topic))
      .map((topic) => ({
        checker: 'C1',
        text: `${drain} does not find topic ${topic}, whose creation was acknowledged`,
      }));
  });
};
