/**
 * The process under test: a name server and a broker, put together as the command line does it, with nothing around
 * them. Arguments: data folder, name server port, broker port, sync or async.
 */
import { join } from 'node:path';
import { Broker } from '@cometmq/broker/broker';
import { nodeProcesses } from '@cometmq/common/process/node-processes';
import { settingsStore } from '@cometmq/broker/store/kv/settings-store';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { createPinoLogger } from '@cometmq/common/logging/pino-logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { SystemRandom } from '@cometmq/common/random/system-random';
import { NameServer } from '@cometmq/nameserver/name-server';

const [dataDir = '', nameServerPort, brokerPort, flush] = process.argv.slice(2);
const ports = {
  clock: new SystemClock(),
  net: new NodeNet(),
  disk: new NodeDisk(),
  log: createPinoLogger('warn'),
};
const nameServer = new NameServer({
  ...ports,
  host: '127.0.0.1',
  port: Number(nameServerPort),
  dataDir: join(dataDir, 'namesrv'),
});
const broker = new Broker({
  ...ports,
  random: new SystemRandom(),
  processes: nodeProcesses,
  dataDir: join(dataDir, 'broker'),
  openKeyValueStore: (directory) => settingsStore(ports, directory),
  config: {
    port: Number(brokerPort),
    nameServers: [`127.0.0.1:${nameServerPort ?? ''}`],
    flush: flush === 'async' ? 'async' : 'sync',
  },
});

async function stop(): Promise<void> {
  await broker.stop();
  await nameServer.stop();
  process.exit(0);
}

// The bench stops the server by closing the channel, so that none outlives it.
process.once('disconnect', () => void stop());
await nameServer.start();
await broker.start();
process.send?.('ready');
