import type { Measurement } from '../scenario/rounds.ts';
import type { Spread } from './spread.ts';
import { ratioSpread, spreadOf, spreadText } from './spread.ts';

const MIB = 2 ** 20;
const COLUMNS = [
  'scenario',
  'server',
  'messages/s',
  'p50 ms',
  'p99 ms',
  'p99.9 ms',
  'max ms',
  'server CPU µs/msg',
  'client cores',
  'other cores',
  'RSS MiB',
] as const;

export function printFacts(facts: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(facts)) console.log(`${name.padEnd(14)}${value}`);
  console.log();
}

export function printMeasurements(measurements: readonly Measurement[]): void {
  printTable([COLUMNS, ...measurements.map(row)]);
  for (const { scenario, server, errors } of measurements) {
    for (const { what, count } of errors) console.log(`ERROR ${scenario}, ${server}: ${count} × ${what}`);
  }
}

export function printStarts(starts: readonly { name: string; times: readonly number[] }[]): void {
  const rows = starts.map(({ name, times }) => [name, `${spreadText(spreadOf(times))} ms`]);
  console.log();
  printTable([['start to first acknowledged send', ''], ...rows]);
}

/** How ours compare with a peer that was measured in the same rounds. */
export function printRatios(measurements: readonly Measurement[], peer: string): void {
  const rows = measurements
    .filter(({ server }) => server !== peer)
    .flatMap((ours) => {
      const theirs = measurements.find(
        ({ scenario, server }) => scenario === ours.scenario && server === peer,
      );
      if (theirs === undefined) return [];
      const rate = ratioSpread(ours.rates, theirs.rates);
      const cpu = ratioSpread(theirs.serverCpuUsPerMessage, ours.serverCpuUsPerMessage);
      const p99 = theirs.latency.quantile(0.99) / ours.latency.quantile(0.99);
      return [[ours.scenario, ours.server, times(rate), times(cpu), `× ${p99.toFixed(1)}`]];
    });
  console.log(`\nagainst ${peer}: above 1 is better for us`);
  printTable([['scenario', 'server', 'rate', 'CPU per message', 'p99'], ...rows]);
}

function row(measurement: Measurement): string[] {
  const { scenario, server, rates, serverCpuUsPerMessage, latency, clientCores, otherCores, memory } =
    measurement;
  const ms = (share: number): string =>
    ((share === 1 ? latency.max : latency.quantile(share)) / 1000).toFixed(2);
  const mib = (bytes: number): string => (Number.isNaN(bytes) ? '–' : (bytes / MIB).toFixed(0));
  return [
    scenario,
    server,
    spreadText(spreadOf(rates)),
    ms(0.5),
    ms(0.99),
    ms(0.999),
    ms(1),
    spreadText(spreadOf(serverCpuUsPerMessage), 2),
    spreadOf(clientCores).median.toFixed(2),
    spreadText(spreadOf(otherCores), 2),
    `${mib(memory.residentBytes)} (${mib(memory.anonymousBytes)} anonymous)`,
  ];
}

function times({ median, min, max }: Spread): string {
  return `× ${spreadText({ median, min, max }, 1)}`;
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? [];
  for (const cells of rows)
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}
