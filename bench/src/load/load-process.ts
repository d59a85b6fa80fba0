import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Job, JobResult } from './job.ts';

/** The load generator in a process of its own, so that its work is not counted as the server's. */
export class LoadProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./generator.js', import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** @throws Error when the job could not be run at all; refused requests are part of the result. */
  async run(job: Job): Promise<JobResult> {
    const settled = new AbortController();
    const { signal } = settled;
    this.#child.send(job);
    const [message] = (await Promise.race([
      once(this.#child, 'message', { signal }),
      once(this.#child, 'exit', { signal }).then(() => [{ error: 'the load generator died' }]),
    ]).finally(() => {
      settled.abort();
    })) as [{ result?: JobResult; error?: string }];
    if (message.result === undefined) throw new Error(message.error);
    return message.result;
  }

  close(): void {
    this.#child.disconnect();
  }
}
