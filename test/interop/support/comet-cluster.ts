import { join } from 'node:path';
import type { Command } from './flavours.ts';
import { repositoryFolder } from './paths.ts';
import { ProcessCluster } from './process-cluster.ts';

const cli = join(repositoryFolder, 'cli/dist/main.js');

/** Our servers, as a user starts them. */
export class CometCluster extends ProcessCluster {
  readonly target = 'comet';

  protected override namesrvCommand(port: number, folder: string): Command {
    return comet(['start', '--role', 'namesrv', '--port', `${port}`, '--data', folder]);
  }

  protected override brokerCommand(name: string, port: number, namesrv: string, folder: string): Command {
    const place = ['--port', `${port}`, '--namesrv', namesrv, '--data', folder];
    return comet(['start', '--role', 'broker', ...place, '--name', name, '--cluster', this.name]);
  }
}

function comet(args: readonly string[]): Command {
  return { command: process.execPath, args: [cli, ...args], env: {} };
}
