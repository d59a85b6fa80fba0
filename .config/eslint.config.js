// Lint rules. Type-aware findings (floating promises, missed cases, always-true conditions) come from
// typescript-eslint; the rest keeps files short and keeps time, randomness, disk and network behind their ports.
import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// ---------------------------------------------------------------------------------------------------------------
// Ports: what is banned, what to use instead, and the files that may touch it. Edit only this table.

const PORTS = {
  time: {
    instead: 'Take a Clock from @cometmq/common/clock/clock in the constructor.',
    allowedIn: ['common/src/clock/system-clock.ts', 'cli/src/**'],
    globals: ['setTimeout', 'setInterval', 'setImmediate'],
    properties: [
      ['Date', 'now'],
      ['performance', 'now'],
      ['process', 'hrtime'],
      ['AbortSignal', 'timeout'],
      ['globalThis', 'setTimeout'],
      ['globalThis', 'setInterval'],
      ['globalThis', 'setImmediate'],
    ],
    syntax: [
      // The current time as a Date; new Date(milliseconds) is fine.
      'NewExpression[callee.name="Date"][arguments.length=0]',
      'CallExpression[callee.name="Date"]',
    ],
    modules: ['timers', 'timers/promises', 'perf_hooks'],
  },
  random: {
    instead: 'Take a RandomSource from @cometmq/common/random/random in the constructor.',
    allowedIn: ['common/src/random/system-random.ts'],
    properties: [
      ['Math', 'random'],
      ['crypto', 'randomUUID'],
      ['crypto', 'getRandomValues'],
      ['globalThis', 'crypto'],
    ],
    cryptoNames: [
      'randomBytes',
      'randomFill',
      'randomFillSync',
      'randomInt',
      'randomUUID',
      'getRandomValues',
      'webcrypto',
    ],
  },
  environment: {
    instead: 'Configuration arrives as an object; only common/src/config and the CLI read the environment.',
    allowedIn: ['common/src/config/**', 'client-sdk/src/options/environment.ts', 'cli/src/**'],
    properties: [['process', 'env']],
    processNames: ['env'],
  },
  disk: {
    instead: 'Take a Disk from @cometmq/common/disk/disk in the constructor.',
    allowedIn: [
      'common/src/disk/node-disk.ts',
      'common/src/config/**',
      'common/src/logging/pino-logger.ts',
      'common/src/process/node-processes.ts', // what Linux tells of a process is in files
      'console/src/http/static-files.ts', // hands out the built single-page app
      'cli/src/**',
    ],
    modules: ['fs', 'fs/promises'],
  },
  network: {
    instead: 'Take a Net from @cometmq/common/net/net in the constructor.',
    allowedIn: ['common/src/net/node-net.ts', 'cli/src/**'],
    modules: ['net', 'tls', 'dgram'],
    pureNames: ['isIP', 'isIPv4', 'isIPv6'], // text functions that happen to live in node:net
  },
  http: {
    instead: 'Only the HTTP door and the console listen; take their server as an argument.',
    allowedIn: ['broker/src/doors/http/http-listener.ts', 'console/src/http/http-listener.ts', 'cli/src/**'],
    modules: ['http', 'https', 'http2'],
  },
  output: {
    instead: 'Take a Logger from @cometmq/common/logging/logger in the constructor.',
    allowedIn: ['common/src/logging/pino-logger.ts', 'cli/src/**', 'console/web/**'],
    globals: ['console'],
  },
};

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: a name is found by search and survives a move.',
};

/** The ban rules for a file, without the ports it may use. A later flat-config entry replaces the options whole. */
function banRules(allowed = []) {
  const banned = Object.entries(PORTS).filter(([name]) => !allowed.includes(name));
  const collect = (key, make) =>
    banned.flatMap(([, port]) => (port[key] ?? []).map((item) => make(item, port.instead)));
  const imports = banned.flatMap(([, port]) =>
    (port.modules ?? [])
      .flatMap((name) => [`node:${name}`, name])
      .map((name) => ({
        name,
        message: port.instead,
        allowTypeImports: true,
        ...(port.pureNames ? { allowImportNames: port.pureNames } : {}),
      })),
  );
  const named = (module, key) =>
    banned
      .filter(([, port]) => port[key])
      .map(([, port]) => ({ name: module, importNames: port[key], message: port.instead }));
  return {
    'no-restricted-globals': ['error', ...collect('globals', (name, message) => ({ name, message }))],
    'no-restricted-properties': [
      'error',
      ...collect('properties', ([object, property], message) => ({ object, property, message })),
      // Reached through any name of the module: import crypto from 'node:crypto'.
      ...collect('cryptoNames', (property, message) => ({ property, message })),
    ],
    'no-restricted-syntax': [
      'error',
      NO_DEFAULT_EXPORT,
      ...collect('syntax', (selector, message) => ({ selector, message })),
    ],
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        paths: [...imports, ...named('node:crypto', 'cryptoNames'), ...named('node:process', 'processNames')],
      },
    ],
  };
}

/** One entry for each file or folder that implements a port, with the bans of that port lifted. */
function portExceptions() {
  const allowedByFile = new Map();
  for (const [name, port] of Object.entries(PORTS)) {
    for (const file of port.allowedIn) allowedByFile.set(file, [...(allowedByFile.get(file) ?? []), name]);
  }
  return [...allowedByFile].map(([file, allowed]) => ({ files: [file], rules: banRules(allowed) }));
}

// ---------------------------------------------------------------------------------------------------------------

const PACKAGE_SOURCES = ['{common,remoting,nameserver,broker,client-sdk,console,cli}/src/**/*.ts'];
const WEB_SOURCES = ['console/web/**/*.{ts,tsx}'];
const TESTS = ['test/**/*.ts', 'bench/**/*.ts'];
// Tests that own their clock, disk and network; a sleep here is a flaw in the test.
const DETERMINISTIC_TESTS = ['test/{unit,golden,model,property,conformance,simulation}/**/*.ts'];

/** The unit tests of files that implement a port; they touch the real thing as well. */
function testsOf(sources) {
  return sources.map((file) => `test/unit/${file.replace('/src/', '/').replace(/\.ts$/, '.test.ts')}`);
}

const LENGTH_OPTIONS = { skipBlankLines: true, skipComments: true };

export default tseslint.config(
  {
    ignores: ['**/dist/', '**/node_modules/', '**/target/', 'test/fixtures/', 'coverage/', '**/*.d.ts'],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  // All TypeScript.
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: ROOT } },
    rules: {
      'max-lines': ['error', { max: 400, ...LENGTH_OPTIONS }],
      'max-lines-per-function': ['error', { max: 70, ...LENGTH_OPTIONS }],
      eqeqeq: ['error', 'always'],
      'no-control-regex': 'off', // protocols are made of control characters
      'no-param-reassign': 'error',
      'no-promise-executor-return': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unreachable-loop': 'error',
      'object-shorthand': 'error',
      'prefer-object-has-own': 'error',
      radix: 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
    },
  },

  // The packages: everything through the ports.
  { files: PACKAGE_SOURCES, rules: banRules() },
  ...portExceptions(),

  // The console's pages run in a browser: its timers and fetch are the platform, not a port.
  {
    files: WEB_SOURCES,
    rules: {
      ...banRules(['time', 'random', 'output']),
      'max-lines-per-function': ['error', { max: 120, ...LENGTH_OPTIONS }], // components are one function
    },
  },

  // Tests and benchmarks: no length limit on functions, fakes may be blunt.
  {
    files: TESTS,
    languageOptions: {
      parserOptions: { projectService: false, project: 'test/tsconfig.json', tsconfigRootDir: ROOT },
    },
    rules: {
      'max-lines-per-function': 'off',
      'no-promise-executor-return': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: DETERMINISTIC_TESTS,
    ignores: testsOf([...PORTS.time.allowedIn, ...PORTS.random.allowedIn]),
    rules: banRules(['environment', 'disk', 'network', 'http', 'output']),
  },

  // Tool configuration: loaded by the tools by its default export, plain JavaScript without types.
  {
    files: ['**/*.config.ts'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { parserOptions: { projectService: false, project: null } },
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: false } },
    rules: { eqeqeq: ['error', 'always'], 'max-lines': ['error', { max: 400, ...LENGTH_OPTIONS }] },
  },
);
