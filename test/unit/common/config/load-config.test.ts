import { describe, expect, test } from 'vitest';
import { checkConfig, configKeys, durationMs, sizeBytes } from '@cometmq/common/config/config-schema';
import { loadConfig } from '@cometmq/common/config/load-config';
import { cometConfigSchema as schema } from 'cometmq/config/comet-config';

const file = (text: string): { name: string; text: string } => ({ name: 'comet.yaml', text });

describe('precedence', () => {
  const env = { COMET_BROKER__NAME: 'env', COMET_BROKER__PORT: '3', PATH: '/bin' };

  test('defaults alone', () => {
    const { value, issues } = loadConfig(schema, {});
    expect(issues).toEqual([]);
    expect(value).toMatchObject({
      data: './.comet',
      broker: { name: 'broker-a', port: 10_911, flush: 'sync' },
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
    expect(source.get('broker.cluster')).toBe('default ');
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
  expect(keys.find(({ path }) => path === 'broker.flush')).toMatchObject({
    type: 'text',
    choices: ['sync', 'async'],
    defaultValue: 'sync',
  });
  const types = new Map(keys.map(({ path, type }) => [path, type]));
  expect(types.get('broker.port')).toBe('number');
  expect(types.get('broker.autoCreateTopic')).toBe('boolean');
  expect(types.get('broker.nameServers')).toBe('list');
  expect(keys.every(({ about }) => about !== '')).toBe(true);
});

test('durations and sizes are numbers or text with a unit', () => {
  expect(durationMs('3d').parse(undefined)).toBe(259_200_000);
  expect(durationMs('3d').parse(5)).toBe(5);
  expect(durationMs('3d').safeParse('soon').error?.issues[0]?.message).toMatch(/"soon" is not a duration/);
  expect(sizeBytes('4MiB').parse(undefined)).toBe(4_194_304);
  expect(sizeBytes('4MiB').safeParse('huge').error?.issues[0]?.message).toMatch(/"huge" is not a size/);
});

test('a checked value has no issues', () => {
  expect(checkConfig(schema, {}).issues).toEqual([]);
});
