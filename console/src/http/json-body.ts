import type { IncomingMessage } from 'node:http';
import { HttpError } from './api-error.ts';

/** Reads a request's body as JSON. @throws HttpError 413 when it is longer than `bytesMax`, 400 when it is not JSON. */
export async function readJsonBody(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax)
      throw new HttpError(413, 'BODY_TOO_LARGE', `The body is longer than ${bytesMax} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    throw new HttpError(400, 'NOT_JSON', 'The body is not JSON.');
  }
}
