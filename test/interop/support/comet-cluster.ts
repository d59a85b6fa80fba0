import { join } from 'node:path';
import { ApacheCluster } from './apache-cluster.ts';
import type { Command } from './flavours.ts';
import { repositoryFolder } from './paths.ts';
import { ProcessCluster } from './process-cluster.ts';

const cli = process.env['COMET_INTEROP_CLI'] ?? join(repositoryFolder, 'cli/dist/main.js');

// The command lines of our servers stand here and nowhere else.

function namesrv(port: number, folder: string): Command {
  return comet(['start', '--role', 'namesrv', '--port', `${port}`, '--data', folder]);
}

function comet(args: readonly string[]): Command {
  return { command: process.execPath, args: [cli, ...args], env: {} };
}

/** Our servers, as a user starts them. */
export class CometCluster extends ProcessCluster {
  readonly target = 'comet';

  protected override namesrvCommand(port: number, folder: string): Command {
    return namesrv(port, folder);
  }

  protected override brokerCommand(name: string, port: number, namesrv_: string, folder: string): Command {
    const place = ['--port', `${port}`, '--namesrv', namesrv_, '--data', folder];
    const settings = this.options.autoCreateTopic === false ? ['--set', 'broker.autoCreateTopic=false'] : [];
    return comet([
      'start',
      '--role',
      'broker',
      ...place,
      '--name',
      name,
      '--cluster',
      this.name,
      ...settings,
    ]);
  }
}

/** Apache's broker under our name server. */
export class MixedCluster extends ApacheCluster {
  override readonly target = 'mixed';

  protected override namesrvCommand(port: number, folder: string): Command {
    return namesrv(port, folder);
  }
}
