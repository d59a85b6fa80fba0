import type { Broker } from '@cometmq/broker/broker';
import type { CometConfig } from '../config/comet-config.ts';
import type { AddressedPart, Ports } from './parts.ts';
import { dialable, isWildcard, outsideAddress } from './parts.ts';
import { nodeProcesses } from '@cometmq/common/process/node-processes';

export async function brokerPart(
  ports: Ports,
  config: CometConfig,
  nameServers: () => readonly string[],
): Promise<AddressedPart> {
  const [{ Broker }, { settingsStore }] = await Promise.all([
    import('@cometmq/broker/broker'),
    import('@cometmq/broker/store/kv/settings-store'),
  ]);
  const { host, name } = config.broker;
  const advertise = config.broker.advertise || (isWildcard(host) ? (outsideAddress() ?? '127.0.0.1') : host);
  let broker: Broker | undefined;
  return {
    title: `broker ${name}`,
    // Made late: the name server's port is known only once it listens.
    start: () => {
      broker = new Broker({
        ...ports,
        log: ports.log.child({ server: 'broker' }),
        processes: nodeProcesses,
        openKeyValueStore: (directory) => settingsStore(ports, directory),
        dataDir: config.data,
        config: { ...config.broker, advertise, nameServers: [...nameServers()] },
      });
      return broker.start();
    },
    stop: async () => broker?.stop(),
    address: () => broker?.address ?? `${dialable(advertise)}:${config.broker.port}`,
  };
}
