import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { BrokerIdentity, BrokerRegistration } from '../route/broker-table.ts';
import type { ClaimedIdentity, RegistrationResult } from '../route/route-table.ts';

type Refused = Exclude<RegistrationResult, { status: 'REGISTERED' }>;

/** The answer to a registration that is refused. 604 says that another, live broker is in the way. */
export function claimRefusal(claim: BrokerIdentity, refused: Refused): Reply {
  const { status } = refused;
  switch (status) {
    case 'IDENTITY_TAKEN':
      return fenced(claim, refused.holder, 'give this broker another brokerName or brokerId');
    case 'ADDRESS_TAKEN':
      return fenced(claim, refused.holder, 'give this broker another address (brokerIP1, listenPort)');
    case 'NAME_IN_OTHER_CLUSTER':
      return fenced(
        claim,
        refused.holder,
        'broker names are unique across clusters: choose another brokerName',
      );
    case 'UNKNOWN_BROKER':
      return {
        code: ResponseCode.SYSTEM_ERROR,
        remark: 'register broker failed: a single topic of a broker that is not registered',
      };
    case 'BROKERS_FULL':
      return {
        code: ResponseCode.SYSTEM_BUSY,
        remark: 'register broker failed: the limit of brokers is reached (brokersMax)',
      };
    case 'TOPICS_FULL':
      return {
        code: ResponseCode.SYSTEM_BUSY,
        remark:
          'register broker failed: the limit of topics is reached (topicsMax, queueDatasMax); earlier topics stay',
      };
  }
}

/** The answer to an unregistration by somebody who does not hold the registration. */
export function notHolder(identity: ClaimedIdentity): Reply {
  return {
    code: ResponseCode.ILLEGAL_OPERATION,
    remark: `unregister broker refused: ${identity.brokerName} at ${identity.brokerAddr} is registered over another connection`,
  };
}

function fenced(claim: BrokerIdentity, holder: BrokerRegistration, advice: string): Reply {
  const seconds = Math.ceil(holder.heartbeatTimeoutMs / 1000);
  return {
    code: ResponseCode.ILLEGAL_OPERATION,
    remark:
      `register broker refused: ${nameOf(claim)} conflicts with the live broker ${nameOf(holder)}; ${advice}, or stop ` +
      `the other one (it is forgotten when it stops, and after ${seconds} s of silence)`,
  };
}

function nameOf({ clusterName, brokerName, brokerId, brokerAddr }: BrokerIdentity): string {
  return `${clusterName}/${brokerName}/${brokerId} at ${brokerAddr}`;
}
