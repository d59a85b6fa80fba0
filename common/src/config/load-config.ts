import type { ConfigKey, ConfigOf, ConfigSchema, SchemaIssue } from './config-schema.ts';
import { checkConfig, configKeys } from './config-schema.ts';
import { readYaml } from './yaml-text.ts';

/** Where a value comes from; the first of these that names a key wins. */
export type ConfigSource = 'flag' | 'env' | 'file' | 'default';

export interface ConfigInput {
  /** Text of the file and its name, for messages. */
  readonly file?: { readonly name: string; readonly text: string };
  /** The process's environment; variables that start with `COMET_` count. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Values from the command line under their paths, such as `broker.flush`. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Values that replace the schema's defaults, under their paths. */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

export interface ConfigValue {
  readonly path: string;
  readonly value: unknown;
  readonly source: ConfigSource;
  /** The variable or the file. */
  readonly origin: string;
  readonly about: string;
}

export interface LoadedConfig<T> {
  /** Undefined when something is wrong. */
  readonly value: T | undefined;
  readonly issues: readonly SchemaIssue[];
  /** Variables that look like settings but are none; other programs may have set them. */
  readonly unknownVariables: readonly string[];
  readonly values: readonly ConfigValue[];
}

const ENV_PREFIX = 'COMET_';
/** Read by the CLI itself. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['COMET_CONFIG', 'COMET_CONTEXT', 'COMET_NAMESRV']);

/** Puts the settings together: flag over environment over file over default. */
export function loadConfig<S extends ConfigSchema>(schema: S, input: ConfigInput): LoadedConfig<ConfigOf<S>> {
  const keys = configKeys(schema);
  const issues: SchemaIssue[] = [];
  const merged: Record<string, unknown> = readFile(input.file, issues);
  const origins = new Map<string, { source: ConfigSource; origin: string }>();
  for (const { path } of keys) {
    if (valueAt(merged, path) !== undefined)
      origins.set(path, { source: 'file', origin: input.file?.name ?? '' });
  }
  const unknownVariables: string[] = [];
  for (const [variable, text] of Object.entries(input.env ?? {})) {
    if (!variable.startsWith(ENV_PREFIX) || text === undefined || OTHER_VARIABLES.has(variable)) continue;
    const key = keys.find(({ path }) => flat(path) === flat(variable.slice(ENV_PREFIX.length)));
    if (key === undefined) {
      unknownVariables.push(variable);
      continue;
    }
    setAt(merged, key.path, fromText(key, text));
    origins.set(key.path, { source: 'env', origin: variable });
  }
  for (const [path, value] of Object.entries(input.flags ?? {})) {
    if (value === undefined) continue;
    const key = keys.find((candidate) => candidate.path === path);
    setAt(merged, path, typeof value === 'string' && key !== undefined ? fromText(key, value) : value);
    origins.set(path, { source: 'flag', origin: 'command line' });
  }
  for (const [path, value] of Object.entries(input.defaults ?? {}))
    if (!origins.has(path)) setAt(merged, path, value);
  const checked = checkConfig(schema, merged);
  issues.push(...checked.issues);
  const value = 'value' in checked ? checked.value : undefined;
  return {
    value: issues.length === 0 ? value : undefined,
    issues,
    unknownVariables,
    values: keys.map(({ path, defaultValue, about }) => ({
      path,
      value: valueAt(value ?? merged, path) ?? defaultValue,
      ...(origins.get(path) ?? { source: 'default', origin: '' }),
      about,
    })),
  };
}

function readFile(file: ConfigInput['file'], issues: SchemaIssue[]): Record<string, unknown> {
  if (file === undefined) return {};
  const { value, faults } = readYaml(file.text);
  issues.push(...faults.map((message) => ({ path: '', message: `${file.name}: ${message}` })));
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    issues.push({ path: '', message: `${file.name} is not a mapping of settings` });
    return {};
  }
  return structuredClone(value) as Record<string, unknown>;
}

/** `BROKER__AUTO_CREATE` and `broker.autoCreate` are the same. */
function flat(name: string): string {
  return name.replaceAll('__', '.').replaceAll('_', '').toLowerCase();
}

/** Text that is no value of its type stays text, so that the schema can complain of it. */
function fromText(key: ConfigKey, text: string): unknown {
  if (key.type === 'list')
    return text
      .split(/[,;]/)
      .map((item) => item.trim())
      .filter((item) => item !== '');
  if (key.type === 'number' && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  if (key.type === 'boolean' && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return text;
}

function valueAt(root: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }, root);
}

function setAt(root: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let target = root;
  for (const name of names) {
    const next = target[name];
    if (typeof next === 'object' && next !== null && !Array.isArray(next))
      target = next as Record<string, unknown>;
    else target = target[name] = {} as Record<string, unknown>;
  }
  target[last] = value;
}
