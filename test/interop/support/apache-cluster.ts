import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './flavours.ts';
import { cacheFolder } from './paths.ts';
import { ProcessCluster } from './process-cluster.ts';

const mib = 1024 * 1024;
// What runbroker.sh opens for Java 17.
const opened = ['java.base/java.nio', 'java.base/sun.nio.ch', 'java.base/java.lang', 'java.base/java.util'];

/** The Apache RocketMQ 5.4.0 servers: they prove that the scenarios are right. */
export class ApacheCluster extends ProcessCluster {
  readonly target: 'apache' | 'mixed' = 'apache';

  protected override namesrvCommand(port: number, folder: string): Command {
    const config = properties(folder, { listenPort: port, kvConfigPath: join(folder, 'kvConfig.json') });
    return server(folder, ['-Xms64m', '-Xmx128m'], 'org.apache.rocketmq.namesrv.NamesrvStartup', config);
  }

  protected override brokerCommand(name: string, port: number, namesrv: string, folder: string): Command {
    const config = properties(folder, {
      brokerName: name,
      brokerClusterName: this.name,
      brokerId: 0,
      brokerIP1: '127.0.0.1',
      listenPort: port,
      haListenPort: port + 1,
      namesrvAddr: namesrv,
      storePathRootDir: folder,
      storePathCommitLog: join(folder, 'commitlog'),
      mappedFileSizeCommitLog: 64 * mib,
      mappedFileSizeConsumeQueue: 20 * 20_000,
      maxHashSlotNum: 10_000,
      maxIndexNum: 40_000,
      mappedFileSizeTimerLog: 8 * mib,
      registerNameServerPeriod: 10_000,
      enablePropertyFilter: true,
      autoCreateTopicEnable: this.options.autoCreateTopic ?? true,
      // a machine that is busy with other things must not look like a busy broker
      waitTimeMillsInSendQueue: 20_000,
      osPageCacheBusyTimeOutMills: 20_000,
    });
    return server(folder, ['-Xms512m', '-Xmx1g'], 'org.apache.rocketmq.broker.BrokerStartup', config);
  }
}

function properties(folder: string, values: Readonly<Record<string, string | number | boolean>>): string {
  const file = join(folder, 'server.conf');
  writeFileSync(
    file,
    Object.entries(values)
      .map(([k, v]) => `${k}=${v}\n`)
      .join(''),
  );
  return file;
}

function server(folder: string, heap: readonly string[], main: string, config: string): Command {
  mkdirSync(join(folder, 'home'), { recursive: true });
  const jars = join(cacheFolder, 'lib-server-5.4.0/*');
  const opens = opened.flatMap((o) => ['--add-opens', `${o}=ALL-UNNAMED`]);
  const options = [
    '-XX:TieredStopAtLevel=1',
    '-XX:MaxDirectMemorySize=512m',
    `-Duser.home=${join(folder, 'home')}`,
  ];
  return {
    command: 'java',
    args: [...heap, ...options, ...opens, '-cp', jars, main, '-c', config],
    env: { ROCKETMQ_HOME: join(folder, 'home') },
  };
}
