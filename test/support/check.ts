import fc from 'fast-check';

/** Runs a property on the same inputs every time; a failure prints the smallest input found. */
export function check<T>(property: fc.IProperty<T>, runs = 200): void {
  fc.assert(property, { seed: 20_261_121, numRuns: runs, endOnFailure: false });
}
