import type { OptionSpec } from '../command/command.ts';

export const CONFIG_FILE = 'comet.yaml';

/** Options that stand for settings; `--set` reaches all others. */
export const CONFIG_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  config: {
    value: 'FILE',
    short: 'f',
    about: `settings (COMET_CONFIG, then ./${CONFIG_FILE} if there is one)`,
  },
  data: { value: 'DIR', about: 'folder of everything that is kept (./.comet)' },
  host: { value: 'ADDRESS', about: 'address to listen on (127.0.0.1)' },
  name: { value: 'NAME', about: 'name of the broker (broker-a)' },
  cluster: { value: 'NAME', about: 'cluster of the broker (DefaultCluster)' },
  flush: { value: 'MODE', about: 'sync: acknowledged messages are on disk; async: the system has them' },
  'log-level': { value: 'LEVEL', about: 'debug, info, warn, error or silent' },
  set: {
    value: 'KEY=VALUE',
    multiple: true,
    about: 'any other setting, such as broker.autoCreateTopic=false',
  },
};
