/**
 * Takes every step in order, whatever became of those before it, and throws the first failure at the end: a full disk must
 * not keep files open and locks taken.
 */
export async function closeAll(...steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
