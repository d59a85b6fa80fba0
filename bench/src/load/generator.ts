/** The process of the load generator: takes jobs one after the other and answers each with its result. */
import type { Job, JobResult } from './job.ts';
import { latency } from './latency.ts';
import { publish } from './publish.ts';
import { pull } from './pull.ts';

function run(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case 'publish':
      return publish(job);
    case 'pull':
      return pull(job);
    case 'latency':
      return latency(job);
  }
}

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
