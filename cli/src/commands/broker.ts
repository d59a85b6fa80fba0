import { notFoundError, usageError } from '../command/cli-error.ts';
import type { Command, CommandContext } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { CONFIRMATION_OPTIONS, mayProceed } from '../command/confirmation.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportMissing } from '../output/merged.ts';

const BROKER = { name: 'BROKER', about: 'name of the broker (its master) or host:port' } as const;

async function status(context: CommandContext): Promise<undefined> {
  const runtime = await (await context.admin()).brokers.runtime(argument(context, 0));
  const entries = Object.entries(runtime.values).sort(([a], [b]) => (a < b ? -1 : 1));
  await context.output.record(entries, runtime, argument(context, 0));
  return undefined;
}

async function configGet(context: CommandContext): Promise<undefined> {
  const values = await (await context.admin()).brokers.config(argument(context, 0));
  const key = context.args[1];
  if (key === undefined) {
    const entries = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
    await context.output.record(entries, values, argument(context, 0));
    return undefined;
  }
  const value = values[key];
  if (value === undefined) {
    throw notFoundError(
      'MQ-404',
      `the broker has no setting ${key}`,
      `see all with: comet broker config get ${argument(context, 0)}`,
    );
  }
  await context.output.record([[key, value]], { [key]: value }, value);
  return undefined;
}

async function configSet(context: CommandContext): Promise<undefined> {
  const changes = context.args.slice(1).map((text): [string, string] => {
    const separator = text.indexOf('=');
    if (separator > 0) return [text.slice(0, separator), text.slice(separator + 1)];
    throw usageError(`"${text}" is not of the form key=value`, 'for example: deleteWhen=04');
  });
  const admin = await context.admin();
  const broker = argument(context, 0);
  const before = await admin.brokers.config(broker);
  await admin.brokers.updateConfig(broker, Object.fromEntries(changes));
  const after = await admin.brokers.config(broker);
  await context.output.list({
    rows: changes.map(([key]) => ({ key, before: before[key], after: after[key] })),
    columns: [
      { title: 'key', value: ({ key }) => key },
      { title: 'before', value: (row) => row.before },
      { title: 'after', value: (row) => row.after },
    ],
    name: ({ key }) => key,
  });
  const ignored = changes.filter(([key, value]) => after[key] !== value).map(([key]) => key);
  if (ignored.length > 0) {
    throw notFoundError(
      'MQ-404',
      `the broker did not take ${ignored.join(', ')}`,
      'check the names and values',
    );
  }
  return undefined;
}

async function stats(context: CommandContext): Promise<undefined> {
  const [broker, name, key] = [argument(context, 0), argument(context, 1), argument(context, 2)];
  const result = await (await context.admin()).brokers.stats(broker, name, key);
  const rows =
    result === undefined
      ? []
      : [
          { window: 'minute', ...result.lastMinute },
          { window: 'hour', ...result.lastHour },
          { window: 'day', ...result.lastDay },
        ];
  await context.output.list({
    rows,
    columns: [
      { title: 'last', value: ({ window }) => window },
      { title: 'sum', value: ({ sum }) => sum },
      { title: 'per second', value: ({ tps }) => Math.round(tps * 100) / 100 },
      { title: 'average', value: ({ average }) => Math.round(average * 100) / 100 },
    ],
    name: ({ window }) => window,
    whole: result ?? {},
    empty: `nothing was counted for ${name} ${key}`,
  });
  return undefined;
}

async function setWritable(context: CommandContext, writable: boolean): Promise<ExitCode | undefined> {
  const broker = argument(context, 0);
  if (!writable && !mayProceed(context, `tell all producers to stop sending to ${broker}`)) return undefined;
  const result = await (await context.admin()).brokers.setWritable(broker, writable);
  context.output.say(
    `${result.broker}: ${result.topicCount} topics are ${writable ? 'writable again' : 'read only now'}`,
  );
  return reportMissing(context.output, result);
}

export const brokerCommands: readonly Command[] = [
  { name: 'broker status', about: 'what a broker says of itself', args: [BROKER], run: status },
  {
    name: 'broker config get',
    about: 'settings of a broker',
    args: [BROKER, { name: 'KEY', about: 'only this one', optional: true }],
    run: configGet,
  },
  {
    name: 'broker config set',
    about: 'change settings of a running broker; kept over restarts, and stronger than its configuration',
    args: [BROKER, { name: 'KEY=VALUE', about: 'such as deleteWhen=04', rest: true }],
    run: configSet,
  },
  {
    name: 'broker stats',
    about: 'one statistic of a broker',
    args: [
      BROKER,
      { name: 'NAME', about: 'such as TOPIC_PUT_NUMS or GROUP_GET_NUMS' },
      { name: 'KEY', about: 'such as a topic or topic@group' },
    ],
    examples: ['comet broker stats broker-a TOPIC_PUT_NUMS orders'],
    run: stats,
  },
  {
    name: 'broker readonly',
    about: 'send producers to other brokers, for maintenance',
    args: [BROKER],
    options: CONFIRMATION_OPTIONS,
    run: (context) => setWritable(context, false),
  },
  {
    name: 'broker writable',
    about: 'let producers send to it again',
    args: [BROKER],
    run: (context) => setWritable(context, true),
  },
];
