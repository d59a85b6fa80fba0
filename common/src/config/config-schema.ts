import { z } from 'zod';
import { editDistance } from '../text/edit-distance.ts';
import { parseDuration, parseSize } from './units.ts';

/** The settings of one process, put together from the schemas of its parts. */
export type ConfigSchema = z.ZodObject;

export type ConfigOf<S extends ConfigSchema> = z.output<S>;

/** One setting, for documentation and for text that comes from the environment or the command line. */
export interface ConfigKey {
  /** Such as `broker.flush`. */
  readonly path: string;
  readonly type: 'boolean' | 'number' | 'text' | 'list';
  /** The words that are allowed, when it is a choice. */
  readonly choices: readonly string[];
  readonly defaultValue: unknown;
  readonly about: string;
}

export interface SchemaIssue {
  /** Such as `broker.flush`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** A duration: a number of milliseconds or text such as `15m`. */
export function durationMs(fallback: string) {
  return z
    .union([z.number().min(0), z.string()])
    .default(fallback)
    .transform((value, context) => {
      const ms = typeof value === 'number' ? value : parseDuration(value);
      if (ms !== undefined) return ms;
      context.addIssue({
        code: 'custom',
        message: `"${String(value)}" is not a duration such as 500ms, 30s, 15m or 3d`,
      });
      return z.NEVER;
    });
}

/** A size: a number of bytes or text such as `4MiB`. */
export function sizeBytes(fallback: string) {
  return z
    .union([z.number().int().min(0), z.string()])
    .default(fallback)
    .transform((value, context) => {
      const bytes = typeof value === 'number' ? value : parseSize(value);
      if (bytes !== undefined) return bytes;
      context.addIssue({
        code: 'custom',
        message: `"${String(value)}" is not a size such as 64KiB, 4MiB or 1GiB`,
      });
      return z.NEVER;
    });
}

/** All settings of a schema, in its order. */
export function configKeys(schema: ConfigSchema, prefix = ''): ConfigKey[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, member]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const { inner, defaultValue, about } = unwrap(member);
    if (inner instanceof z.ZodObject) return configKeys(inner, path);
    return [{ path, type: typeOf(inner), choices: choicesOf(inner), defaultValue, about }];
  });
}

/** The checked value, or everything that is wrong. Unknown keys are wrong. */
export function checkConfig<S extends ConfigSchema>(
  schema: S,
  input: unknown,
):
  | { readonly value: ConfigOf<S>; readonly issues: readonly [] }
  | { readonly issues: readonly SchemaIssue[] } {
  const result = schema.safeParse(input);
  if (result.success) return { value: result.data, issues: [] };
  const known = configKeys(schema).map(({ path }) => path);
  return { issues: result.error.issues.flatMap((issue) => describeIssue(issue, known)) };
}

function describeIssue(issue: z.core.$ZodIssue, known: readonly string[]): SchemaIssue[] {
  const path = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => {
    const unknown = path === '' ? key : `${path}.${key}`;
    const near = nearest(unknown, known);
    return {
      path: unknown,
      message: near === undefined ? 'unknown key' : `unknown key, did you mean ${near}?`,
    };
  });
}

interface Unwrapped {
  readonly inner: z.ZodType;
  readonly defaultValue: unknown;
  readonly about: string;
}

function unwrap(schema: z.ZodType): Unwrapped {
  let inner = schema;
  let defaultValue: unknown;
  let about = schema.description ?? '';
  for (;;) {
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
      defaultValue ??= inner.def.defaultValue;
      inner = inner.def.innerType as z.ZodType;
    } else if (
      inner instanceof z.ZodOptional ||
      inner instanceof z.ZodReadonly ||
      inner instanceof z.ZodNullable
    ) {
      inner = inner.def.innerType as z.ZodType;
    } else if (inner instanceof z.ZodPipe) {
      inner = inner.def.in as z.ZodType;
    } else {
      return { inner, defaultValue, about };
    }
    about ||= inner.description ?? '';
  }
}

function typeOf(inner: z.ZodType): ConfigKey['type'] {
  if (inner instanceof z.ZodBoolean) return 'boolean';
  if (inner instanceof z.ZodNumber) return 'number';
  return inner instanceof z.ZodArray ? 'list' : 'text';
}

function choicesOf(inner: z.ZodType): string[] {
  return inner instanceof z.ZodEnum ? inner.options.map(String) : [];
}

/** The known key that differs least, if it is at all similar. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(key.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(2, key.length / 4) ? best.candidate : undefined;
}
