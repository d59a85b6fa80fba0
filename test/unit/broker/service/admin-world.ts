// The admin services over a broker's services on a simulated disk.
import type { AdminServices } from '@cometmq/broker/service/admin-services';
import { adminServices } from '@cometmq/broker/service/admin-services';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import { BrokerSettings } from '@cometmq/broker/service/broker-settings';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

export interface AdminWorld extends BrokerWorld {
  readonly admin: AdminServices;
  /** How often the name servers were told. */
  announced: number;
}

export async function adminWorld(config: Partial<BrokerConfig> = {}): Promise<AdminWorld> {
  const world = await BrokerWorld.open(config);
  const result = Object.assign(world, { announced: 0 });
  const admin = adminServices(
    {
      clock: world.clock,
      disk: world.disk,
      store: world.store,
      settings: new BrokerSettings(brokerConfigSchema.parse(config), world.kv),
      dataDir: '/data',
      advertisedAddress: '127.0.0.1',
      advertisedPort: 10_911,
      announce: () => {
        result.announced++;
        return Promise.resolve();
      },
    },
    world.services,
  );
  return Object.assign(result, { admin });
}

/** Sends messages to one queue and waits until they can be read. */
export async function send(world: BrokerWorld, topic: string, queueId: number, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const sent = world.services.producing.send(sendRequest(topic, {}, { queueId }));
    await world.clock.advance(1);
    await sent;
  }
}
