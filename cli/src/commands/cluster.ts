import type { Command, CommandContext } from '../command/command.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportMissing } from '../output/merged.ts';

async function list(context: CommandContext): Promise<ExitCode | undefined> {
  const view = await (await context.admin()).cluster.view();
  await context.output.list({
    rows: view.clusters.flatMap(({ brokers }) => brokers),
    columns: [
      { title: 'cluster', value: ({ cluster }) => cluster },
      { title: 'broker', value: ({ brokerName }) => brokerName },
      { title: 'id', value: ({ brokerId }) => brokerId },
      { title: 'role', value: ({ brokerId }) => (brokerId === 0 ? 'master' : 'slave') },
      { title: 'address', value: ({ address }) => address },
    ],
    name: ({ brokerName }) => brokerName,
    whole: view,
    empty: `no broker is registered at ${view.nameServers.join(', ')}`,
  });
  return undefined;
}

async function status(context: CommandContext): Promise<ExitCode | undefined> {
  const { output } = context;
  const result = await (await context.admin()).cluster.status();
  await output.list({
    rows: result.brokers,
    columns: [
      { title: 'cluster', value: ({ cluster }) => cluster },
      { title: 'broker', value: ({ brokerName }) => brokerName },
      { title: 'id', value: ({ brokerId }) => brokerId },
      { title: 'address', value: ({ address }) => address },
      { title: 'state', value: ({ runtime }) => (runtime === undefined ? 'no answer' : 'up') },
      { title: 'version', value: ({ runtime }) => runtime?.version },
      { title: 'in/s', value: ({ runtime }) => rounded(runtime?.putTps) },
      { title: 'out/s', value: ({ runtime }) => rounded(runtime?.getTps) },
      { title: 'in today', value: ({ runtime }) => runtime?.messagesPutToday },
      { title: 'out today', value: ({ runtime }) => runtime?.messagesGotToday },
      { title: 'disk', value: ({ runtime }) => percent(runtime?.commitLogDiskRatio) },
      { title: 'started', value: ({ runtime }) => output.time(runtime?.bootTimestamp ?? 0), wide: true },
      {
        title: 'oldest',
        value: ({ runtime }) => output.time(runtime?.earliestMessageTimestamp ?? 0),
        wide: true,
      },
    ],
    name: ({ brokerName }) => brokerName,
    whole: result,
    empty: 'no broker is registered',
  });
  if (output.isText) {
    const servers = result.nameServers.map(
      ({ address, reachable }) => `${address} ${reachable ? 'up' : 'no answer'}`,
    );
    output.say(`name servers: ${servers.join(', ')}`);
  }
  return reportMissing(output, result);
}

export const clusterCommands: readonly Command[] = [
  { name: 'cluster list', about: 'clusters and their brokers', run: list },
  { name: 'cluster status', about: 'what every broker says of itself', run: status },
];

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 10) / 10;
}

function percent(ratio: number | undefined): string | undefined {
  return ratio === undefined ? undefined : `${Math.round(ratio * 100)} %`;
}
