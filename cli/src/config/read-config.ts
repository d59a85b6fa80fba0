import { existsSync, readFileSync } from 'node:fs';
import type { LoadedConfig } from '@cometmq/common/config/load-config';
import { loadConfig } from '@cometmq/common/config/load-config';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import { CliError, usageError } from '../command/cli-error.ts';
import type { CommandContext } from '../command/command.ts';
import { ExitCode } from '../command/exit-code.ts';
import { CONFIG_FILE } from '../commands/server-options.ts';
import type { CometConfig } from './comet-config.ts';
import { cometConfigSchema } from './comet-config.ts';

/** Option → settings that it stands for. */
const SETTINGS_OF_OPTION: Readonly<Record<string, readonly string[]>> = {
  data: ['data'],
  host: ['namesrv.host', 'broker.host', 'console.host'],
  name: ['broker.name'],
  cluster: ['broker.cluster'],
  flush: ['broker.flush'],
  namesrv: ['broker.nameServers', 'console.nameServers'],
  'log-level': ['logLevel'],
};

/** Settings that a verb brings itself, under their paths. */
export interface OwnSettings {
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly defaults?: Readonly<Record<string, unknown>>;
}

export interface ReadConfig extends LoadedConfig<CometConfig> {
  /** Name of the file that was read. */
  readonly file: string | undefined;
}

/** The settings, with everything that is wrong with them. @throws CliError when the file can't be read. */
export function readConfig(context: CommandContext, own: OwnSettings = {}): ReadConfig {
  const { options, env } = context;
  const named = options.text('config') ?? env['COMET_CONFIG'];
  const file = named ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  const flags: Record<string, unknown> = { ...own.flags };
  for (const [option, paths] of Object.entries(SETTINGS_OF_OPTION)) {
    const value = options.text(option);
    if (value !== undefined) for (const path of paths) flags[path] = value;
  }
  for (const text of options.list('set')) {
    const separator = text.indexOf('=');
    if (separator < 1)
      throw usageError(
        `--set "${text}" is not of the form key=value`,
        'for example: --set broker.port=10911',
      );
    flags[text.slice(0, separator)] = text.slice(separator + 1);
  }
  const loaded = loadConfig(cometConfigSchema, {
    ...(file === undefined ? {} : { file: { name: file, text: fileText(file) } }),
    env,
    flags,
    ...(own.defaults === undefined ? {} : { defaults: own.defaults }),
  });
  return { ...loaded, file };
}

/** The settings. @throws CliError that names everything that is wrong. */
export function validConfig(context: CommandContext, own: OwnSettings = {}): CometConfig {
  const { value, issues, unknownVariables } = readConfig(context, own);
  for (const variable of unknownVariables) context.output.say(`ignored: ${variable} is no setting of comet`);
  if (value !== undefined) return value;
  throw new CliError(
    ExitCode.USAGE,
    'MQ-CONFIG',
    issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '),
    'see all settings with: comet config show',
    'the settings are not valid',
  );
}

function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new MqError('NOT_FOUND', `can't read ${file}: ${errorText(error)}`, { hint: 'check --config' });
  }
}
