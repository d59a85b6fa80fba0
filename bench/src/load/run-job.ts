import type { Job, JobResult } from './job.ts';
import { latency } from './latency.ts';
import { ordered } from './ordered.ts';
import { pop } from './pop.ts';
import { publish } from './publish.ts';
import { pull } from './pull.ts';
import { transactions } from './transactions.ts';

export function runJob(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case 'publish':
      return publish(job);
    case 'pull':
      return pull(job);
    case 'latency':
      return latency(job);
    case 'transaction':
      return transactions(job);
    case 'ordered':
      return ordered(job);
    case 'pop':
      return pop(job);
  }
}
