// The architecture as a check: who may import whom. Type-only imports count like all others. The picture and the
// reasons are in docs/ARCHITECTURE.md. Workspace imports resolve to sources, so an empty dist is fine.

const PACKAGES = ['common', 'remoting', 'nameserver', 'broker', 'client-sdk', 'console', 'cli'];

/** Package → packages it may import besides itself. */
const MAY_IMPORT = {
  common: [],
  remoting: ['common'],
  nameserver: ['common', 'remoting'],
  broker: ['common', 'remoting'],
  'client-sdk': ['common', 'remoting'],
  console: ['common', 'client-sdk'],
  cli: ['common', 'nameserver', 'broker', 'client-sdk', 'console'],
};

/** Third-party library → the one place that may import it. A library that is not listed may not be imported. */
const LIBRARIES = {
  pino: '^common/src/logging/pino-logger\\.ts$',
  // One schema per owner of configuration; the console also describes its REST bodies with it.
  zod: '^[a-z-]+/src/config/|^console/src/',
  yaml: '^common/src/config/[^/]+\\.ts$',
  rocksdb: '^broker/src/store/kv/rocksdb-[a-z-]+\\.ts$',
  'node-cron': '^broker/src/calendar/[a-z-]+\\.ts$',
  koa: '^(broker/src/doors/http|console/src)/',
  '@koa/router': '^(broker/src/doors/http|console/src)/',
  ws: '^(broker/src/doors/stomp/ws-listener|console/src/[a-z/-]+)\\.ts$',
  ioredis: '^client-sdk/src/idempotency/redis-[a-z-]+\\.ts$',
  'fzstd|lz4js|zstd-napi|lz4-napi': '^common/src/compression/[a-z0-9-]+\\.ts$',
  'preact|@preact/signals|uplot': '^console/web/',
};

// The broker, inside: doors → service → features → managers → store → common.
const MANAGERS = 'topic|group|client|offset|lock|filter';
const FEATURES = 'hold|delay|retry|transaction|pop';
// Declarations that every layer of the broker may read.
const SHARED = 'config|stats';

const PURE = '^(remoting/src/protocol|broker/src/doors/[a-z]+/codec|common/src/message)/';
// isIPv4 and isIPv6 are text functions that happen to live in node:net.
const ADDRESS_CHECKS = '^common/src/message/host\\.ts$';

const rule = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });
const brokerFolder = (folders) => `^broker/src/(${folders})/`;

const packageRules = PACKAGES.map((name) => {
  const allowed = [name, ...MAY_IMPORT[name]].join('|');
  return rule(
    `${name}-imports`,
    `${name} may import of ours: ${MAY_IMPORT[name].join(', ') || 'nothing'}.`,
    { path: `^${name}/src/` },
    { path: `^(${PACKAGES.join('|')}|test|bench)/`, pathNot: `^(${allowed})/src/` },
  );
});

const libraryRules = Object.entries(LIBRARIES).map(([library, place]) =>
  rule(
    `library-${library.split('|')[0].replace(/[^a-z-]/g, '')}`,
    `${library} is imported in one place only: ${place}.`,
    { path: `^(${PACKAGES.join('|')})/`, pathNot: place },
    { path: `(^|/)node_modules/(@types/)?(${library})/` },
  ),
);

module.exports = {
  forbidden: [
    rule('no-cycles', 'Cycles, type-only ones included, hide who owns what.', {}, { circular: true }),
    rule(
      'no-unresolved',
      'The import leads nowhere: misspelt, or missing in package.json.',
      {},
      {
        couldNotResolve: true,
      },
    ),
    rule(
      'no-undeclared',
      'Declare the library in the package.json of the package that imports it.',
      { path: `^(${PACKAGES.join('|')})/`, pathNot: '/(vite\\.config\\.ts|rolldown\\.config\\.js)$' },
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'no-orphans',
      'Nobody imports this file and it imports nobody.',
      { orphan: true, path: `^(${PACKAGES.join('|')})/src/`, pathNot: '(^|/)(main|index)\\.ts$|\\.d\\.ts$' },
      {},
    ),
    rule(
      'no-relative-across-packages',
      'Across packages use the package name: @cometmq/common/clock/clock.',
      { path: `^(${PACKAGES.join('|')})/src/` },
      { path: `^(${PACKAGES.join('|')})/src/`, pathNot: '^$1/', dependencyTypes: ['local'] },
    ),
    rule(
      'no-barrels',
      'Only the SDK has an index.ts.',
      {},
      { path: '/index\\.ts$', pathNot: '^client-sdk/src/index\\.ts$|node_modules' },
    ),
    rule(
      'product-without-tests',
      'The product never imports tests or benchmarks.',
      { path: `^(${PACKAGES.join('|')})/` },
      { path: '^(test|bench)/' },
    ),
    ...packageRules,

    rule(
      'protocol-is-pure',
      'A codec is a function over bytes: no socket, file, timer, clock, random source, logger or process.',
      { path: PURE, pathNot: ADDRESS_CHECKS },
      {
        dependencyTypes: ['core'],
        path: '^(node:)?(net|tls|dgram|https?|http2|fs|timers|perf_hooks|process|child_process|worker_threads|os|crypto)(/|$)',
      },
    ),
    rule(
      'protocol-is-pure-ours',
      'A codec takes plain values; whoever calls it owns clock, disk, random source, configuration and logger.',
      { path: PURE, pathNot: '^common/src/message/' }, // its key generator takes clock and random source injected
      {
        path: '^common/src/(clock|random|disk|net|logging|config|metrics|lifecycle)/|^remoting/src/transport/',
      },
    ),
    rule(
      'sockets-in-one-file',
      'Sockets open in common/src/net/node-net.ts only.',
      {
        path: `^(${PACKAGES.join('|')})/src/`,
        pathNot: `^common/src/net/node-net\\.ts$|^cli/src/|${ADDRESS_CHECKS}`,
      },
      { dependencyTypes: ['core'], path: '^(node:)?(net|tls|dgram)$' },
    ),

    rule(
      'store-knows-no-protocol',
      'The store imports common only: never remoting, never another broker folder.',
      { path: brokerFolder('store') },
      { path: '^(remoting|client-sdk|nameserver|console|cli)/|^broker/src/', pathNot: brokerFolder('store') },
    ),
    rule(
      'managers',
      'A manager imports common and the store contract: no feature, service or door.',
      { path: brokerFolder(MANAGERS) },
      { path: `^remoting/|${brokerFolder(`${FEATURES}|service|doors|registration`)}` },
    ),
    rule(
      'managers-apart',
      'Managers know each other by type only.',
      { path: brokerFolder(MANAGERS) },
      {
        path: brokerFolder(MANAGERS),
        pathNot: '^broker/src/$1/',
        dependencyTypesNot: ['type-only'],
      },
    ),
    rule(
      'features',
      'A feature imports common, the store and managers: no service, no door, no protocol.',
      { path: brokerFolder(FEATURES) },
      { path: `^remoting/|${brokerFolder('service|doors|registration')}` },
    ),
    rule(
      'features-apart',
      'Features do not know each other; the service puts them together.',
      { path: brokerFolder(FEATURES) },
      { path: brokerFolder(FEATURES), pathNot: '^broker/src/$1/' },
    ),
    rule(
      'service-knows-no-door',
      'The service speaks no protocol: doors call it.',
      { path: brokerFolder('service') },
      { path: `^remoting/|${brokerFolder('doors|registration')}` },
    ),
    rule(
      'registration-tells-topics-only',
      'Registration with name servers imports remoting, common and the topics.',
      { path: brokerFolder('registration') },
      { path: '^broker/src/', pathNot: brokerFolder(`registration|topic|${SHARED}`) },
    ),
    rule(
      'doors',
      'A door translates: it imports the service, the client channel, authentication, common and its own codec.',
      { path: brokerFolder('doors') },
      {
        path: '^broker/src/',
        pathNot: brokerFolder(`doors|service|client|auth|${SHARED}`),
      },
    ),
    rule(
      'doors-apart',
      'A door does not know another door.',
      { path: '^broker/src/doors/([^/]+)/' },
      { path: '^broker/src/doors/([^/]+)/', pathNot: '^broker/src/doors/$1/' },
    ),
    rule(
      'remoting-through-its-door',
      'Of the doors only the remoting door speaks the remoting protocol.',
      { path: '^broker/src/doors/', pathNot: '^broker/src/doors/remoting/' },
      { path: '^remoting/' },
    ),
    rule(
      'shared-declarations',
      'Configuration and metric declarations import common only.',
      { path: brokerFolder(SHARED) },
      { path: '^remoting/|^broker/src/', pathNot: brokerFolder(SHARED) },
    ),
    rule(
      'composition-roots',
      'A controller puts the parts together; only main.ts and the CLI import it.',
      { path: '^(nameserver|broker|console)/src/', pathNot: '/main\\.ts$' },
      { path: '^(nameserver|broker|console)/src/([a-z]+-controller|main)\\.ts$' },
    ),

    rule(
      'web-types-only',
      'The pages share types with the back end, never code.',
      { path: '^console/web/' },
      { path: '^console/src/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'web-stays-in-the-browser',
      'The pages import their own files, browser libraries and types of console/src.',
      { path: '^console/web/', pathNot: '/vite\\.config\\.ts$' },
      { path: `^(${PACKAGES.join('|')})/src/`, pathNot: '^console/src/' },
    ),
    rule(
      'web-no-node',
      'There is no Node in a browser.',
      { path: '^console/web/', pathNot: '/vite\\.config\\.ts$' },
      { dependencyTypes: ['core'] },
    ),

    rule(
      'libraries-are-listed',
      'A new library needs a row in LIBRARIES of .config/dependency-cruiser.cjs, with its one place.',
      { path: `^(${PACKAGES.join('|')})/`, pathNot: '/(vite\\.config\\.ts|rolldown\\.config\\.js)$' },
      {
        path: '(^|/)node_modules/',
        pathNot: `(^|/)node_modules/(@types/)?(${Object.keys(LIBRARIES).join('|')}|@types/node)/`,
      },
    ),
    ...libraryRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^[a-z-]+/(dist|web/dist)/' },
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.json', '.d.ts'],
    },
    reporterOptions: { text: { highlightFocused: true } },
  },
};
