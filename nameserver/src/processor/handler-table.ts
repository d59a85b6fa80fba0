import type { RequestHandler } from '@cometmq/remoting/transport/remoting-channel';

/** Request codes with what answers them. */
export type HandlerTable = readonly (readonly [code: number, handler: RequestHandler])[];
