// A transactional producer as a process of its own, to be killed at any moment. Its "database" is a folder with one file
// for each transaction, made exclusively, as a unique row would be: whoever makes it, the local transaction or a checker
// that comes before it, decides. Arguments: JSON with nameServers, database, topic, perSecond, seed.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createClient } from '@cometmq/client/client/mq-client';

const { nameServers, database, topic, perSecond, seed } = JSON.parse(process.argv[2] ?? '{}');
const TICK_MS = 20;
const IN_FLIGHT_MAX = 64;
const quiet = () => undefined;

const client = createClient({
  nameServers,
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  routeRefresh: '1s',
  heartbeat: '500ms',
});

/** What the database says afterwards; `wanted` when it said nothing before. */
function decide(id, wanted) {
  const file = join(database, id);
  try {
    writeFileSync(file, wanted, { flag: 'wx' });
    return wanted;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return readFileSync(file, 'utf8');
  }
}

const producer = client.transactional({
  group: 'kill-tx',
  topics: [topic],
  sendTimeout: '2s',
  // A local transaction that has written nothing by now never will, or finds the row that this makes.
  check: (message) => decide(message.messageId, 'rollback'),
});

let count = seed;
let inFlight = 0;

/** Of ten transactions six are committed, two rolled back, one does not tell, one fails behind its commit. */
async function run() {
  const kind = count++ % 10;
  inFlight++;
  try {
    await producer.sendInTransaction(topic, { body: String(count) }, ({ id }) => {
      const decided = decide(id, kind < 6 || kind > 7 ? 'commit' : 'rollback');
      if (kind === 8) return 'unknown';
      if (kind === 9) throw new Error('the answer of the database was lost');
      return decided;
    });
  } catch {
    // The broker is down, or the local transaction failed: the check tells.
  } finally {
    inFlight--;
  }
}

setInterval(() => {
  for (let started = 0; started < (perSecond * TICK_MS) / 1000; started++)
    if (inFlight < IN_FLIGHT_MAX) void run();
}, TICK_MS);
process.stdout.write('{"event":"ready"}\n');
