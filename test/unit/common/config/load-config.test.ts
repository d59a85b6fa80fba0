import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { configKeys, durationMs, sizeBytes } from '@cometmq/common/config/config-schema';
import { loadConfig } from '@cometmq/common/config/load-config';

const schema = z.strictObject({
  data: z.string().default('./data').describe('folder'),
  broker: z
    .strictObject({
      name: z.string().default('a'),
      port: z.coerce.number().int().default(1),
      autoCreateTopic: z.boolean().default(true),
      flush: z.enum(['sync', 'async']).default('sync').describe('when to answer'),
      nameServers: z.array(z.string()).default([]),
      retention: durationMs('3d'),
      maxSize: sizeBytes('4MiB'),
    })
    .prefault({}),
});

const file = (text: string): { name: string; text: string } => ({ name: 'comet.yaml', text });

describe('precedence', () => {
  const env = { COMET_BROKER__NAME: 'env', COMET_BROKER__PORT: '3', PATH: '/bin' };

  test('defaults alone', () => {
    const { value, issues } = loadConfig(schema, {});
    expect(issues).toEqual([]);
    expect(value).toEqual({
      data: './data',
      broker: {
        name: 'a',
        port: 1,
        autoCreateTopic: true,
        flush: 'sync',
        nameServers: [],
        retention: 259_200_000,
        maxSize: 4_194_304,
      },
    });
  });

  test('flag over environment over file over default, each with its source', () => {
    const { value, values } = loadConfig(schema, {
      file: file('data: ./file\nbroker: { name: file, port: 2, flush: async }'),
      env,
      flags: { 'broker.port': '4', 'broker.nameServers': 'a:1;b:2', data: undefined },
    });
    expect(value?.broker).toMatchObject({
      name: 'env',
      port: 4,
      flush: 'async',
      nameServers: ['a:1', 'b:2'],
    });
    expect(value?.data).toBe('./file');
    const source = new Map(values.map(({ path, source: from, origin }) => [path, `${from} ${origin}`]));
    expect(source.get('broker.port')).toBe('flag command line');
    expect(source.get('broker.name')).toBe('env COMET_BROKER__NAME');
    expect(source.get('broker.flush')).toBe('file comet.yaml');
    expect(source.get('broker.retention')).toBe('default ');
  });

  test('words of a variable may be separated', () => {
    expect(
      loadConfig(schema, { env: { COMET_BROKER__AUTO_CREATE_TOPIC: 'false' } }).value?.broker.autoCreateTopic,
    ).toBe(false);
  });

  test('a variable that is no setting is told, not refused: others may have set it', () => {
    const { value, unknownVariables } = loadConfig(schema, {
      env: { COMET_BROKER_SERVICE_HOST: '10.0.0.1', COMET_CONFIG: 'x' },
    });
    expect(unknownVariables).toEqual(['COMET_BROKER_SERVICE_HOST']);
    expect(value).toBeDefined();
  });
});

describe('faults', () => {
  test.each([
    ['a misspelt key', 'broker: { prot: 1 }', 'broker.prot', 'unknown key, did you mean broker.port?'],
    ['an unknown key', 'whatever: 1', 'whatever', 'unknown key'],
    ['a wrong word', 'broker: { flush: maybe }', 'broker.flush', /sync/],
    ['a wrong duration', 'broker: { retention: soon }', 'broker.retention', /not a duration/],
    ['a wrong size', 'broker: { maxSize: huge }', 'broker.maxSize', /not a size/],
    ['a wrong type', 'broker: { autoCreateTopic: 7 }', 'broker.autoCreateTopic', /boolean/],
    ['no mapping', '- 1', '', /not a mapping/],
    ['a key twice', 'data: a\ndata: b', '', /comet.yaml: .*unique/],
    ['no YAML', 'a: [', '', /comet.yaml: /],
  ])('%s', (_name, text, path, message) => {
    const { value, issues } = loadConfig(schema, { file: file(text) });
    expect(value).toBeUndefined();
    expect(issues[0]?.path).toBe(path);
    expect(issues[0]?.message).toMatch(message);
  });

  test('text that is no number stays text and is refused', () => {
    expect(loadConfig(schema, { env: { COMET_BROKER__PORT: 'many' } }).issues[0]?.path).toBe('broker.port');
  });

  test('a file cannot reach the prototype', () => {
    const { issues } = loadConfig(schema, { file: file('__proto__: { polluted: 1 }') });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(issues).toHaveLength(1);
  });
});

test('an empty file is fine', () => {
  expect(loadConfig(schema, { file: file('# nothing yet\n') }).value).toBeDefined();
});

test('the schema documents itself', () => {
  const keys = configKeys(schema);
  expect(keys.find(({ path }) => path === 'broker.flush')).toEqual({
    path: 'broker.flush',
    type: 'text',
    choices: ['sync', 'async'],
    defaultValue: 'sync',
    about: 'when to answer',
  });
  expect(keys.map(({ path, type }) => `${path}:${type}`)).toContain('broker.port:number');
});
