import type { CommandContext } from '../command/command.ts';

/** Prints what a consumer says of itself. */
export async function showClientInfo(
  context: CommandContext,
  group: string,
  clientId: string,
  stacks: boolean,
): Promise<undefined> {
  const { output } = context;
  const info = await (await context.admin()).clients.runningInfo(group, clientId, { stacks });
  if (!output.isText) {
    await output.record([], info, clientId);
    return undefined;
  }
  await output.record(Object.entries(info.properties), info, clientId);
  output.data('\n');
  await output.list({
    rows: info.queues,
    columns: [
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'queue', value: ({ brokerName, queueId }) => `${brokerName}/${queueId}` },
      { title: 'committed', value: ({ commitOffset }) => commitOffset },
      { title: 'cached', value: ({ cachedMsgCount }) => cachedMsgCount },
      { title: 'locked', value: ({ locked }) => locked },
      { title: 'last pull', value: ({ lastPullTimestamp }) => output.time(lastPullTimestamp) },
      { title: 'last consumed', value: ({ lastConsumeTimestamp }) => output.time(lastConsumeTimestamp) },
    ],
    name: ({ brokerName, queueId }) => `${brokerName}/${queueId}`,
    empty: 'it reads no queue',
  });
  output.data('\n');
  await output.list({
    rows: info.status,
    columns: [
      { title: 'topic', value: ({ topic }) => topic },
      { title: 'pulled/s', value: ({ pullTPS }) => rounded(pullTPS) },
      { title: 'pull ms', value: ({ pullRT }) => rounded(pullRT) },
      { title: 'consumed/s', value: ({ consumeOKTPS }) => rounded(consumeOKTPS) },
      { title: 'failed/s', value: ({ consumeFailedTPS }) => rounded(consumeFailedTPS) },
      { title: 'consume ms', value: ({ consumeRT }) => rounded(consumeRT) },
      { title: 'failed in the last hour', value: ({ consumeFailedMsgs }) => consumeFailedMsgs },
    ],
    name: ({ topic }) => topic,
  });
  if (info.jstack !== undefined) output.data(`\n${info.jstack}\n`);
  return undefined;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
