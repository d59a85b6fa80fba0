import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly place: string;
  /** Share of the time in which the thread was not idle. */
  readonly share: number;
}

/** The functions that took most time themselves, from a folder with one V8 profile. */
export function topSelfTimes(directory: string, count: number): SelfTime[] {
  const file = readdirSync(directory).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no CPU profile in ${directory}`);
  return selfTimes(JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile).slice(0, count);
}

export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTime[] {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  let total = 0;
  samples.forEach((id, index) => {
    const place = places.get(id) ?? '(unknown)';
    if (place === '(idle)') return;
    // The time of a sample is what passed until the next one.
    const us = timeDeltas[index + 1] ?? 0;
    times.set(place, (times.get(place) ?? 0) + us);
    total += us;
  });
  return [...times].sort((a, b) => b[1] - a[1]).map(([place, us]) => ({ place, share: us / total }));
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  const file = url.split('/').slice(-3).join('/');
  return file === '' ? name : `${name}  ${file}:${lineNumber + 1}`;
}
