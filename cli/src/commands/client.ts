import type { Command, CommandContext } from '../command/command.ts';
import { argument } from '../command/command.ts';
import { ExitCode } from '../command/exit-code.ts';
import { reportMissing } from '../output/merged.ts';
import { showClientInfo } from './client-info.ts';

interface ClientRow {
  readonly role: 'producer' | 'consumer';
  readonly group: string;
  readonly clientId: string;
  readonly clientAddr: string;
  readonly language: string;
  readonly version: number;
}

/** Groups whose members are asked for at most. */
const GROUPS_MAX = 500;

async function list(context: CommandContext): Promise<ExitCode | undefined> {
  const { options, output } = context;
  const admin = await context.admin();
  const groups = options.list('group');
  const failures: { server: string; message: string }[] = [];
  const rows: ClientRow[] = [];
  if (!options.flag('consumers') && groups.length === 0) {
    const result = await admin.clients.allProducers();
    rows.push(...result.producers.map((producer) => ({ role: 'producer' as const, ...producer })));
    failures.push(...result.failures);
  }
  if (!options.flag('producers')) {
    const known = groups.length > 0 ? groups : (await admin.groups.list()).groups.map(({ group }) => group);
    for (const group of known.slice(0, GROUPS_MAX)) {
      const result = await admin.clients.consumers(group);
      rows.push(...result.clients.map((client) => ({ role: 'consumer' as const, group, ...client })));
      failures.push(...result.failures);
    }
    if (known.length > GROUPS_MAX)
      output.say(`only the first ${GROUPS_MAX} groups: name others with --group`);
  }
  await output.list({
    rows,
    columns: [
      { title: 'role', value: ({ role }) => role },
      { title: 'group', value: ({ group }) => group },
      { title: 'client', value: ({ clientId }) => clientId },
      { title: 'address', value: ({ clientAddr }) => clientAddr },
      { title: 'language', value: ({ language }) => language },
      { title: 'version', value: ({ version }) => version },
    ],
    name: ({ clientId }) => clientId,
    empty: 'no client is connected',
  });
  return reportMissing(output, { complete: failures.length === 0, failures });
}

async function producers(context: CommandContext): Promise<ExitCode | undefined> {
  const topic = context.options.text('topic');
  const result = await (await context.admin()).clients.producers(argument(context, 0), topic);
  await context.output.list({
    rows: result.clients,
    columns: [
      { title: 'client', value: ({ clientId }) => clientId },
      { title: 'address', value: ({ clientAddr }) => clientAddr },
      { title: 'language', value: ({ language }) => language },
      { title: 'version', value: ({ version }) => version },
    ],
    name: ({ clientId }) => clientId,
    whole: result,
    empty: 'no producer of this group is connected',
  });
  return (
    reportMissing(context.output, result) ?? (result.clients.length === 0 ? ExitCode.NOT_FOUND : undefined)
  );
}

export const clientCommands: readonly Command[] = [
  {
    name: 'client list',
    about: 'connected producers and consumers',
    options: {
      producers: { about: 'only producers' },
      consumers: { about: 'only consumers' },
      group: { value: 'NAME', short: 'g', multiple: true, about: 'only consumers of this group' },
    },
    run: list,
  },
  {
    name: 'client producers',
    about: 'members of a producer group',
    args: [{ name: 'GROUP', about: 'name of the producer group' }],
    options: { topic: { value: 'NAME', short: 't', about: 'as the brokers of this topic see them' } },
    run: producers,
  },
  {
    name: 'client get',
    about: 'what a consumer says of itself',
    args: [
      { name: 'GROUP', about: 'its consumer group' },
      { name: 'CLIENT', about: 'its client id' },
    ],
    options: { stacks: { about: 'with its thread stacks' } },
    run: (context) =>
      showClientInfo(context, argument(context, 0), argument(context, 1), context.options.flag('stacks')),
  },
];
