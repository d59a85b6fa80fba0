// COMET_TRANSACTIONS=10000 runs as many; COMET_TRANSACTION_SEED chooses other moments.
import { expect, test } from 'vitest';
import { KillRun } from '../support/transactions/kill-run.ts';

const COUNT = Number(process.env['COMET_TRANSACTIONS'] ?? 2_000);
const SEED = Number(process.env['COMET_TRANSACTION_SEED'] ?? 7);
const PER_SECOND = 450;
const LIMIT_MS = 90_000 + COUNT * 20;

test(
  `${COUNT} transactions while producers and broker are killed: totals add up`,
  { timeout: LIMIT_MS },
  async () => {
    const startedAt = Date.now();
    const { committed, rolledBack, delivered, ...rest } = await new KillRun(SEED, PER_SECOND).run(COUNT);
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    const totals = {
      committed: committed.size,
      rolledBack: rolledBack.size,
      delivered: delivered.length,
      ...rest,
    };
    console.info(`${seconds} s: ${JSON.stringify(totals)}`);
    const seen = new Set(delivered);
    const lost = [...committed].filter((id) => !seen.has(id));
    const unwanted = delivered.filter((id) => !committed.has(id));
    const doubled = delivered.filter((id, index) => delivered.indexOf(id) !== index);
    expect({ lost, unwanted, doubled }).toEqual({ lost: [], unwanted: [], doubled: [] });
    expect(committed.size + rolledBack.size).toBeGreaterThanOrEqual(COUNT);
    expect(rolledBack.size).toBeGreaterThan(COUNT / 10);
    expect(rest.brokerKills).toBeGreaterThan(1);
    expect(rest.producerKills).toBeGreaterThan(1);
    expect(rest.contradictory).toBe(0);
  },
);
