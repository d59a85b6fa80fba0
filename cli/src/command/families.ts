import type { CommandFamily } from './command.ts';

/** First words after `comet`. A family's file is loaded only when one of its verbs runs. */
export const FAMILIES: Readonly<Record<string, CommandFamily>> = {
  dev: {
    about: 'run name server, broker and console on this machine',
    load: async () => (await import('../commands/servers.ts')).serverCommands,
  },
  start: {
    about: 'run servers with a configuration',
    load: async () => (await import('../commands/servers.ts')).serverCommands,
  },
  topic: {
    about: 'list, make, change, look into and send to topics',
    load: async () => (await import('../commands/topic.ts')).topicCommands,
  },
  group: {
    about: 'consumer groups, their lag and members',
    load: async () => (await import('../commands/group.ts')).groupCommands,
  },
  offset: {
    about: 'where groups are, and moving them',
    load: async () => (await import('../commands/offset.ts')).offsetCommands,
  },
  message: {
    about: 'find messages and see who consumed them',
    load: async () => (await import('../commands/message.ts')).messageCommands,
  },
  tx: {
    about: 'transactions: look at them, have them checked, decide them',
    load: async () => (await import('../commands/tx.ts')).txCommands,
  },
  schedule: {
    about: 'messages that wait for their time: list, cancel, move, count',
    load: async () => (await import('../commands/schedule.ts')).scheduleCommands,
  },
  cluster: {
    about: 'which servers there are and how they are',
    load: async () => (await import('../commands/cluster.ts')).clusterCommands,
  },
  broker: {
    about: 'state and settings of one broker',
    load: async () => (await import('../commands/broker.ts')).brokerCommands,
  },
  client: {
    about: 'connected producers and consumers',
    load: async () => (await import('../commands/client.ts')).clientCommands,
  },
  namesrv: {
    about: 'what name servers keep',
    load: async () => (await import('../commands/namesrv.ts')).namesrvCommands,
  },
  store: {
    about: 'examine the files of a stopped broker',
    load: async () => (await import('../commands/store.ts')).storeCommands,
  },
  config: {
    about: 'show and check settings',
    load: async () => (await import('../commands/config.ts')).configCommands,
  },
  explain: {
    about: 'explain an error code',
    load: async () => (await import('../commands/explain.ts')).explainCommands,
  },
};
