import { isSystemTopic } from '@cometmq/common/topic/names';

/** Names that the recorded scenarios gave to their topics and groups; retry topics of POP hold both. */
const SCENARIO_NAME =
  /(?<![A-Za-z0-9_])(?!PGROUP)(?:Gold|Adm|CG|PG|NoSuch)[A-Za-z0-9]*|(?<=%RETRY%CG[A-Za-z0-9]*_)Gold[A-Za-z0-9]*/g;

/** Gives the scenario's names a suffix, so that conversations on one broker don't meet. */
export function rename(text: string, suffix: string): string {
  return text.replaceAll(SCENARIO_NAME, `$&${suffix}`);
}

/** A topic that a scenario made, or a retry topic of one of its groups: not the broker's own. */
export function isScenarioTopic(topic: string): boolean {
  return topic.search(SCENARIO_NAME) >= 0 && !isSystemTopic(topic) && !/[^\w%-]/.test(topic);
}

/** The kind of a remark: its first words without names and numbers. */
export function remarkClass(remark: string | undefined): string {
  if (remark === undefined || remark === '') return '-';
  const plain = (remark.split('\n')[0] ?? '')
    .replaceAll(/\[[^\]]*\]/g, '[]')
    .replaceAll(/<[^>]*>/g, '<>')
    .replaceAll(SCENARIO_NAME, 'NAME')
    .replaceAll(/_r\d+/g, '')
    .replaceAll(/\d+/g, '#');
  return plain
    .trim()
    .split(/\s+/)
    .slice(0, 4)
    .join(' ')
    .replace(/[,.:;!]+$/, '');
}
