/** One server of the process: made, started and stopped in order with the others. */
export interface ServerPart {
  /** For people: `name server`, `broker broker-a`, `console`. */
  readonly title: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts parts one after the other; when one fails, those that run are stopped and the failure is thrown. */
export async function startParts(parts: readonly ServerPart[]): Promise<void> {
  const running: ServerPart[] = [];
  try {
    for (const part of parts) {
      await part.start();
      running.push(part);
    }
  } catch (error) {
    await stopParts(running);
    throw error;
  }
}

/** Stops parts in reverse order; all are stopped even when one fails, then the first failure is thrown. */
export async function stopParts(parts: readonly ServerPart[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of [...parts].reverse()) {
    try {
      await part.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0] as Error;
}
