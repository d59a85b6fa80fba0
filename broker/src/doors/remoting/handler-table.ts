import type { RequestHandler } from '@cometmq/remoting/transport/remoting-channel';

/** The handlers of one family of requests by code. */
export type HandlerTable = readonly (readonly [code: number, handler: RequestHandler])[];
