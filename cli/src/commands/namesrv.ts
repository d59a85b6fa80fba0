import { notFoundError, usageError } from '../command/cli-error.ts';
import type { Command, CommandContext } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { CONFIRMATION_OPTIONS, mayProceed } from '../command/confirmation.ts';
import type { ExitCode } from '../command/exit-code.ts';
import { reportChange } from '../output/merged.ts';

const NAMESPACE = { name: 'NAMESPACE', about: 'such as ORDER_TOPIC_CONFIG' } as const;
const KEY = { name: 'KEY', about: 'the key' } as const;

async function kvList(context: CommandContext): Promise<undefined> {
  const values = await (await context.admin()).nameServers.listKv(argument(context, 0));
  await context.output.list({
    rows: Object.entries(values),
    columns: [
      { title: 'key', value: ([key]) => key },
      { title: 'value', value: ([, value]) => value },
    ],
    name: ([key]) => key,
    whole: values,
    empty: 'no keys',
  });
  return undefined;
}

async function kvGet(context: CommandContext): Promise<undefined> {
  const [namespace, key] = [argument(context, 0), argument(context, 1)];
  const value = await (await context.admin()).nameServers.getKv(namespace, key);
  if (value === undefined) {
    throw notFoundError(
      'MQ-404',
      `${namespace} has no key ${key}`,
      `see all with: comet namesrv kv list ${namespace}`,
    );
  }
  await context.output.record([[key, value]], { [key]: value }, value);
  return undefined;
}

async function kvPut(context: CommandContext): Promise<ExitCode | undefined> {
  const [namespace, key, value] = [argument(context, 0), argument(context, 1), argument(context, 2)];
  const result = await (await context.admin()).nameServers.putKv(namespace, key, value);
  return reportChange(context.output, result, `set ${key}`);
}

async function kvDelete(context: CommandContext): Promise<ExitCode | undefined> {
  const [namespace, key] = [argument(context, 0), argument(context, 1)];
  if (!mayProceed(context, `remove ${key} of ${namespace} from all name servers`)) return undefined;
  return reportChange(
    context.output,
    await (await context.admin()).nameServers.deleteKv(namespace, key),
    `removed ${key}`,
  );
}

async function configGet(context: CommandContext): Promise<undefined> {
  const servers = await (await context.admin()).nameServers.config();
  await context.output.list({
    rows: servers.flatMap(({ address, values }) =>
      Object.entries(values).map(([key, value]) => ({ address, key, value })),
    ),
    columns: [
      { title: 'name server', value: ({ address }) => address },
      { title: 'key', value: ({ key }) => key },
      { title: 'value', value: (row) => row.value },
    ],
    name: ({ key }) => key,
    whole: servers,
  });
  return undefined;
}

async function configSet(context: CommandContext): Promise<ExitCode | undefined> {
  const changes = context.args.map((text): [string, string] => {
    const separator = text.indexOf('=');
    if (separator > 0) return [text.slice(0, separator), text.slice(separator + 1)];
    throw usageError(`"${text}" is not of the form key=value`, 'for example: orderMessageEnable=true');
  });
  const result = await (await context.admin()).nameServers.updateConfig(Object.fromEntries(changes));
  return reportChange(context.output, result, `set ${changes.map(([key]) => key).join(', ')}`);
}

export const namesrvCommands: readonly Command[] = [
  { name: 'namesrv kv list', about: 'keys of a namespace', args: [NAMESPACE], run: kvList },
  { name: 'namesrv kv get', about: 'one value', args: [NAMESPACE, KEY], run: kvGet },
  {
    name: 'namesrv kv put',
    about: 'set a value on all name servers',
    args: [NAMESPACE, KEY, { name: 'VALUE', about: 'the value' }],
    run: kvPut,
  },
  {
    name: 'namesrv kv delete',
    about: 'remove a key from all name servers',
    args: [NAMESPACE, KEY],
    options: CONFIRMATION_OPTIONS,
    run: kvDelete,
  },
  { name: 'namesrv config get', about: 'settings of the name servers', run: configGet },
  {
    name: 'namesrv config set',
    about: 'change settings of all name servers until their next start',
    args: [{ name: 'KEY=VALUE', about: 'such as orderMessageEnable=true', rest: true }],
    run: configSet,
  },
];
