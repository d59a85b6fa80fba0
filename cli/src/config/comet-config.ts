import { z } from 'zod';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import { nameServerConfigSchema } from '@cometmq/nameserver/config/name-server-config';

const port = (fallback: number): z.ZodDefault<z.ZodInt> => z.int().min(0).max(65_535).default(fallback);

/** What `comet.yaml` may say. The parts of the servers are described by the servers themselves. */
export const cometConfigSchema = z.strictObject({
  data: z.string().min(1).default('./.comet').describe('folder of everything that is kept'),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('JSON lines on standard error'),
  namesrv: nameServerConfigSchema
    .extend({
      host: z.string().default('127.0.0.1').describe('address to listen on'),
      port: port(9876).describe('port; 0 lets the system choose'),
    })
    .prefault({}),
  broker: brokerConfigSchema.strict().prefault({}),
  console: z
    .strictObject({
      host: z.string().default('127.0.0.1').describe('address to listen on'),
      port: port(8082).describe('port of pages and API; 0 lets the system choose'),
      nameServers: z.array(z.string()).default([]).describe('name servers of the cluster to show, host:port'),
      allowedHosts: z
        .array(z.string())
        .default([])
        .describe('names besides localhost under which browsers reach it'),
      openToNetwork: z
        .boolean()
        .default(false)
        .describe('allow an address other than loopback, without a sign-in'),
    })
    .prefault({}),
});

export type CometConfig = z.infer<typeof cometConfigSchema>;
