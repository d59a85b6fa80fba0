import type { HistoryEvent } from './history-event.ts';
import { queueOf } from './history-event.ts';
import type { Checker } from './history-view.ts';

/** Time of what no kill can take any more. */
const SAVED = -Infinity;

interface QueueCommits {
  /** Highest offset that anybody asked to commit. */
  asked: number;
  /** Acknowledged commits, oldest first. */
  done: { readonly t: number; readonly offset: number }[];
}

/**
 * C10: the offset that a group reads back is higher than any that was committed, or lower than one whose commit was
 * acknowledged; a crash may take what was committed within the flush interval before it. For groups that only go
 * forward.
 */
export function checkOffsets(flushMs: number): Checker {
  return ({ events }) => {
    const violations = [];
    const table = new Map<string, QueueCommits>();
    let killedAt: number | undefined;
    for (const event of events) {
      // It may be killed again before it serves; only the first one counts.
      if (event.op === 'kill') killedAt ??= event.t;
      if (event.op === 'start' && killedAt !== undefined) {
        for (const commits of table.values()) forget(commits, killedAt - flushMs);
        killedAt = undefined;
      }
      if (event.op !== 'commit' && event.op !== 'committed') continue;
      const name = `${event.group ?? ''} in ${queueOf(event)}`;
      const commits = table.get(name) ?? { asked: 0, done: [] };
      table.set(name, commits);
      const { qoff = 0 } = event;
      if (event.op === 'commit') note(commits, event, qoff);
      else {
        const least = Math.max(0, ...commits.done.map(({ offset }) => offset));
        if (qoff > commits.asked)
          violations.push({
            checker: 'C10',
            text: `${name} is at ${qoff}, but ${commits.asked} was the highest commit`,
          });
        if (qoff < least)
          violations.push({ checker: 'C10', text: `${name} is at ${qoff}, but ${least} was committed` });
        // What a crash took is gone for good, and what a start found stays.
        const isFound = commits.done.every(({ t }) => t === SAVED);
        commits.done = [{ t: isFound ? SAVED : event.t, offset: qoff }];
      }
    }
    return violations;
  };
}

function note(commits: QueueCommits, { phase, t }: HistoryEvent, offset: number): void {
  if (phase === 'invoke') commits.asked = Math.max(commits.asked, offset);
  if (phase === 'ok') commits.done.push({ t, offset });
}

/** A kill may take all that was acknowledged after a time; what is left is on the disk and stays. */
function forget(commits: QueueCommits, after: number): void {
  commits.done = commits.done.filter(({ t }) => t <= after).map(({ offset }) => ({ t: SAVED, offset }));
}
