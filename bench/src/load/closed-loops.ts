import type { JobResult, Window } from './job.ts';
import { Meter } from './meter.ts';
import { until, window } from './window.ts';
import { RequestSocket } from './request-socket.ts';

const DRAIN_MS = 10_000;

/** Opens connections, begins the work of each, measures, and waits until what has begun is done. */
export async function closedLoops(
  job: Window & { readonly connections: number },
  begin: (requests: RequestSocket, meter: Meter, index: number) => void,
): Promise<JobResult> {
  const meter = new Meter(job.serverPid);
  const sockets: RequestSocket[] = [];
  for (let index = 0; index < job.connections; index++)
    sockets.push(await RequestSocket.open(job.port, meter));
  sockets.forEach((requests, index) => {
    begin(requests, meter, index);
    requests.flush();
  });
  await window(job, meter);
  for (const requests of sockets) requests.finish();
  await until(() => sockets.every(({ isIdle }) => isIdle), DRAIN_MS);
  for (const requests of sockets) requests.close();
  return meter.result();
}
