// Adds up vitest's JSON reports: node .ci/sum-reports.js FOLDER [FAILED_PHASE...]
// Prints `N passed, N failed` as its last line. Fails when anything failed and when no test ran at all.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...failedPhases] = process.argv.slice(2);
let passed = 0;
let failed = 0;

for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
  const report = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  // A file that does not load has no tests to fail, so it counts as one.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  passed += report.numPassedTests;
  failed += report.numFailedTests + brokenFiles.length;
  const skipped = report.numPendingTests + report.numTodoTests;
  if (skipped > 0) console.log(`${name.replace('.json', '')}: ${skipped} skipped`);
  for (const { name: file } of brokenFiles) console.log(`does not load: ${file}`);
  // Its failed tests are counted one by one; the phase is not counted on top.
  const phase = failedPhases.indexOf(name.replace('.json', ''));
  if (phase >= 0 && report.numFailedTests + brokenFiles.length > 0) failedPhases.splice(phase, 1);
}

if (failedPhases.length > 0) console.log(`failed phases: ${failedPhases.join(', ')}`);
if (passed + failed === 0) console.log('no test ran');
failed += failedPhases.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
