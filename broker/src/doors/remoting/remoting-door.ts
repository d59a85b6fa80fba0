import type { Clock } from '@cometmq/common/clock/clock';
import type { RemotingServer } from '@cometmq/remoting/transport/remoting-server';
import type { AdminServices } from '../../service/admin-services.ts';
import type { BrokerServices } from '../../service/broker-services.ts';
import { assignmentHandlers } from './assignment-handlers.ts';
import { brokerAdminHandlers } from './broker-admin-handlers.ts';
import { clientAdminHandlers } from './client-admin-handlers.ts';
import { clientCallHandlers } from './client-call-handlers.ts';
import { clientHandlers } from './client-handlers.ts';
import { groupAdminHandlers } from './group-admin-handlers.ts';
import type { HandlerTable } from './handler-table.ts';
import { messageHandlers } from './message-handlers.ts';
import { offsetHandlers } from './offset-handlers.ts';
import { popHandlers } from './pop-handlers.ts';
import { pullHandlers } from './pull-handlers.ts';
import { RemotingClients } from './remoting-client-channel.ts';
import { SendFastPath } from './send-fast-path.ts';
import { scheduleHandlers } from './schedule-handlers.ts';
import { sendHandlers } from './send-handlers.ts';
import { statsHandlers } from './stats-handlers.ts';
import { topicAdminHandlers } from './topic-admin-handlers.ts';
import { transactionAdminHandlers } from './transaction-admin-handlers.ts';
import { transactionHandlers } from './transaction-handlers.ts';

/** Opens the RocketMQ remoting door: every request code and who answers it. */
export function remotingDoor(
  server: RemotingServer,
  clock: Clock,
  brokerName: string,
  services: BrokerServices,
  admin: AdminServices,
): void {
  const clients = new RemotingClients(brokerName);
  const families = [
    sendHandlers(services.producing, services.sendBack),
    pullHandlers(services.pulling, clients),
    popHandlers(services.pops.service, clients, brokerName),
    assignmentHandlers(services.assignments),
    offsetHandlers(services.offsetting, brokerName),
    clientHandlers(services.clients, clients),
    messageHandlers(services.querying, clock),
    transactionHandlers(services.transactions, services.clients, clients),
    ...adminHandlers(brokerName, services, admin),
  ];
  for (const [code, handler] of families.flat()) server.handle(code, handler);
  const fastPath = new SendFastPath(services.direct);
  server.handleFrames(fastPath.handle);
  server.onClose((channel) => {
    fastPath.forget(channel);
    services.pops.service.forget(clients.of(channel));
    services.clients.disconnected(clients.of(channel));
  });
}

function adminHandlers(brokerName: string, services: BrokerServices, admin: AdminServices): HandlerTable[] {
  const { offsetting, querying } = services;
  return [
    topicAdminHandlers(admin.topics),
    groupAdminHandlers(admin.groups),
    transactionAdminHandlers(admin.transactions),
    statsHandlers({ brokerName, ...admin, offsetting, querying }),
    clientAdminHandlers(admin.directory),
    scheduleHandlers(admin.schedules),
    clientCallHandlers(admin.directory, querying, brokerName),
    brokerAdminHandlers(admin.broker, admin.runtime, admin.topics),
  ];
}
