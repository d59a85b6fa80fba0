// A broker that dies at a crash point. Arguments: settings and the point as JSON. Prints what `comet start` prints.
import process from 'node:process';
import { Broker } from '@cometmq/broker/broker';
import { settingsStore } from '@cometmq/broker/store/kv/settings-store';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { createPinoLogger } from '@cometmq/common/logging/pino-logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { nodeProcesses } from '@cometmq/common/process/node-processes';
import { SystemRandom } from '@cometmq/common/random/system-random';
import { CrashPoint, CrashPointDisk, CrashPointStore } from './crash-point-disk.js';

const { dataDir, config, point } = JSON.parse(process.argv[2] ?? '{}');
const crashPoint = new CrashPoint(point);
const ports = {
  clock: new SystemClock(),
  disk: new CrashPointDisk(new NodeDisk(), crashPoint),
  log: createPinoLogger('warn'),
};
const broker = new Broker({
  ...ports,
  net: new NodeNet(),
  random: new SystemRandom(),
  processes: nodeProcesses,
  dataDir,
  openKeyValueStore: (directory) => new CrashPointStore(settingsStore(ports, directory), crashPoint),
  config,
});
await broker.start();
process.stdout.write(`${JSON.stringify({ event: 'ready', broker: { address: broker.address } })}\n`);
