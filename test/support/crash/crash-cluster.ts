// A name server and a broker as processes of their own; the broker is killed again and again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../interop/support/probe.ts';
import { CometProcess, comet } from '../comet-process.ts';
import type { CrashPoint } from './crash-points.ts';

const CRASH_POINT_BROKER = fileURLToPath(new URL('./crash-point-broker.js', import.meta.url));
const HOST = '127.0.0.1';
const MIB = 1024 * 1024;
/** Small, so that rolls happen. */
const SEGMENT_SIZE = 2 * MIB;
/** Nothing expires. */
const LOG_SIZE_MAX = 64 * 1024 * MIB;
/** A broker that is not up after this long never will be, ms. */
const START_LIMIT_MS = 20_000;

export class CrashCluster {
  readonly address: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'comet-crash-'));
  readonly #port: number;
  readonly #flush: 'sync' | 'async';
  readonly #namesrv: CometProcess;
  readonly #namesrvAddress: string;
  #broker: CometProcess | undefined;

  private constructor(port: number, namesrv: CometProcess, namesrvAddress: string, flush: 'sync' | 'async') {
    this.#flush = flush;
    this.#port = port;
    this.address = `${HOST}:${port}`;
    this.#namesrv = namesrv;
    this.#namesrvAddress = namesrvAddress;
  }

  static async start(flush: 'sync' | 'async'): Promise<CrashCluster> {
    const namesrv = new CometProcess(['start', '--role', 'namesrv', '--port', '0', '--log-level', 'error']);
    const ready = await namesrv.ready();
    // The VIP port is two below.
    return new CrashCluster(await freePort([-2]), namesrv, ready.namesrv ?? '', flush);
  }

  get dataDir(): string {
    return join(this.#folder, 'broker');
  }

  /** Starts the broker, on what the last one left. False when it died on the way, at its crash point. */
  async startBroker(point?: CrashPoint): Promise<boolean> {
    const broker = point === undefined ? this.#plainBroker() : this.#pointedBroker(point);
    this.#broker = broker;
    const late = sleep(START_LIMIT_MS, 'late' as const, { ref: false });
    const ready = broker.ready().then(
      () => true,
      (error: unknown) => {
        if (broker.child.signalCode === 'SIGKILL') return false;
        throw error;
      },
    );
    const outcome = await Promise.race([ready, late]);
    if (outcome === 'late') throw new Error(`the broker does not start: ${broker.err}`);
    return outcome;
  }

  /** Resolves when the broker is dead: killed after `afterMs`, if its crash point does not strike before. */
  async killBroker(afterMs: number): Promise<'killed' | 'struck'> {
    const broker = this.#running();
    const ended = broker.ended().then(() => 'struck' as const);
    const outcome = await Promise.race([ended, sleep(afterMs, 'killed' as const)]);
    if (outcome === 'killed') {
      broker.child.kill('SIGKILL');
      await broker.ended();
    } else if (broker.child.signalCode !== 'SIGKILL') {
      throw new Error(`the broker ended by itself: ${broker.err}`);
    }
    return outcome;
  }

  /** Ends the broker in order. */
  async stopBroker(): Promise<void> {
    const exitCode = await this.#running().stop();
    if (exitCode !== 0)
      throw new Error(`the broker stopped with ${String(exitCode)}: ${this.#running().err}`);
  }

  /** Lets the next start derive queues and index from the log. */
  removeDerivedFiles(): void {
    for (const name of ['consumequeue', 'index'])
      rmSync(join(this.dataDir, 'store', name), { recursive: true, force: true });
  }

  /** `comet store verify` of the stopped broker: what it says, and whether it found nothing. */
  async verify(): Promise<{ readonly isWhole: boolean; readonly text: string }> {
    const { exitCode, out, err } = await comet(['store', 'verify', '--data', this.dataDir]);
    return { isWhole: exitCode === 0, text: out + err };
  }

  async remove(): Promise<void> {
    await this.#broker?.stop('SIGKILL');
    await this.#namesrv.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #running(): CometProcess {
    if (this.#broker === undefined) throw new Error('the broker was never started');
    return this.#broker;
  }

  #plainBroker(): CometProcess {
    const { segmentSizeBytes, logSizeMaxBytes, nameServers } = this.#config();
    return new CometProcess([
      ...['start', '--role', 'broker', '--port', String(this.#port), '--data', this.dataDir],
      ...['--namesrv', nameServers.join(';'), '--log-level', 'warn', '--flush', this.#flush],
      ...['--set', `broker.segmentSizeBytes=${segmentSizeBytes}`],
      ...['--set', `broker.logSizeMaxBytes=${logSizeMaxBytes}`],
    ]);
  }

  #pointedBroker(point: CrashPoint): CometProcess {
    const config = { ...this.#config(), host: HOST, port: this.#port, flush: this.#flush };
    const options = { dataDir: this.dataDir, config, point };
    return new CometProcess([JSON.stringify(options)], undefined, CRASH_POINT_BROKER);
  }

  #config(): {
    readonly segmentSizeBytes: number;
    readonly logSizeMaxBytes: number;
    readonly nameServers: string[];
  } {
    return {
      segmentSizeBytes: SEGMENT_SIZE,
      logSizeMaxBytes: LOG_SIZE_MAX,
      nameServers: [this.#namesrvAddress],
    };
  }
}
