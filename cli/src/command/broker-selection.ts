import type { BrokerSelection } from '@cometmq/client/admin/broker-selection';
import type { OptionSpec, OptionValues } from './command.ts';

/** Options of verbs that can be limited to some brokers. */
export const SELECTION_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  cluster: { value: 'NAME', short: 'c', about: 'only on the brokers of this cluster' },
  broker: { value: 'NAME', short: 'b', multiple: true, about: 'only on this broker' },
};

export function selectionOf(options: OptionValues): BrokerSelection {
  const cluster = options.text('cluster');
  const brokers = options.list('broker');
  return { ...(cluster === undefined ? {} : { cluster }), ...(brokers.length === 0 ? {} : { brokers }) };
}
