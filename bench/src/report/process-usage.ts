import { readFileSync } from 'node:fs';

/** Linux reports times of processes in hundredths of a second whatever its own tick is. */
const TICK_US = 10_000;

/** CPU time of a process with all its threads, µs; NaN where there is no /proc. */
export function processCpuUs(pid: number): number {
  return cpuUsOfStat(readText(`/proc/${pid}/stat`));
}

/** utime + stime of a /proc/<pid>/stat line. The name in parentheses may hold spaces and parentheses. */
export function cpuUsOfStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) * TICK_US;
}

export interface ProcessMemory {
  /** Resident bytes, mapped files included. */
  readonly residentBytes: number;
  /** Resident bytes that belong to no file: heap, buffers, stacks. */
  readonly anonymousBytes: number;
}

export function processMemory(pid: number): ProcessMemory {
  const status = readText(`/proc/${pid}/status`);
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024;
  return { residentBytes: field('VmRSS'), anonymousBytes: field('RssAnon') };
}

/** Time that all cores together have been busy since the machine started, µs. */
export function machineBusyUs(): number {
  return busyUsOfStat(readText('/proc/stat'));
}

/** Everything but idle, iowait and guest time, which is part of user time. Stolen time counts: nobody here could use it. */
export function busyUsOfStat(stat: string): number {
  const fields = stat.split('\n', 1)[0]?.trim().split(/\s+/).slice(1, 9).map(Number) ?? [];
  if (fields.length < 8) return Number.NaN;
  return fields.reduce((sum, value, index) => (index === 3 || index === 4 ? sum : sum + value), 0) * TICK_US;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
