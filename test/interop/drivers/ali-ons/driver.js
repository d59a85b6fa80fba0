'use strict';
// Drives ali-ons over JSON lines; the protocol is described in test/interop/README.md.

const crypto = require('node:crypto');
const readline = require('node:readline');
const { setTimeout: sleep } = require('node:timers/promises');
const { Consumer, Message, Producer } = require('ali-ons');

const note = (...args) => console.error(...args);
const logger = { debug() {}, info: note, warn: note, error: note };
const producers = new Map();
const consumers = new Map();
const flows = new Map();
const print = (o) => process.stdout.write(`${JSON.stringify(o)}\n`);

// ---- bodies: the same bytes in every driver

function seeded(size, seed, alphabet) {
  const b = Buffer.allocUnsafe(size);
  let x = seed | 1;
  for (let i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    const r = x >>> 24;
    b[i] = alphabet === 256 ? r : 97 + (r % alphabet);
  }
  return b;
}

function body(spec) {
  return typeof spec === 'string' ? Buffer.from(spec) : seeded(spec.size, spec.seed, spec.alphabet ?? 256);
}

function flowBody(prefix, n, size) {
  const head = Buffer.from(`${prefix}-${n}:`);
  return size <= head.length ? head : Buffer.concat([head, seeded(size - head.length, n, 26)]);
}

// ---- producing

async function startProducer(q) {
  const p = new Producer({
    nameSrv: q.namesrv,
    producerGroup: q.group,
    instanceName: q.producer,
    clientIP: '127.0.0.1',
    httpclient: {},
    logger,
    ...(q.compressOver === undefined ? {} : { compressMsgBodyOverHowmuch: q.compressOver }),
    ...(q.sendTimeoutMs === undefined ? {} : { sendMsgTimeout: q.sendTimeoutMs }),
    ...(q.retries === undefined ? {} : { retryTimesWhenSendFailed: q.retries }),
  });
  p.on('error', note);
  await p.ready();
  producers.set(q.producer, p);
}

function message(topic, q) {
  const m = new Message(topic, q.tag ?? '', body(q.body));
  if (q.tag === undefined) delete m.properties.TAGS;
  if (q.keys !== undefined) m.keys = [q.keys];
  if (q.shardingKey !== undefined) m.shardingKey = q.shardingKey;
  if (q.delayLevel !== undefined) m.delayTimeLevel = q.delayLevel;
  for (const [k, v] of Object.entries(q.properties ?? {})) m.properties[k] = v;
  return m;
}

async function send(q) {
  const r = await producers.get(q.producer).send(message(q.topic, q));
  return {
    status: r.sendStatus,
    msgId: r.msgId,
    queueId: Number(r.messageQueue.queueId), // a string from its answer header
    broker: r.messageQueue.brokerName,
    queueOffset: Number(r.queueOffset),
  };
}

function startFlow(q) {
  const flow = { acked: [], failed: 0, next: 0, stopped: false, lastError: undefined };
  const t0 = Date.now();
  const run = async () => {
    while (!flow.stopped) {
      const n = flow.next++;
      if (n >= (q.count ?? Infinity)) return;
      const due = t0 + (n * 1000) / q.perSecond;
      while (!flow.stopped && Date.now() < due) await sleep(Math.max(1, Math.min(50, due - Date.now())));
      if (flow.stopped) return;
      try {
        const m = new Message(q.topic, '', flowBody(q.prefix, n, q.size ?? 0));
        delete m.properties.TAGS;
        if (q.shards) m.shardingKey = `s${n % q.shards}`;
        const r = await producers.get(q.producer).send(m);
        if (r.sendStatus === 'SEND_OK')
          flow.acked.push([
            n,
            r.messageQueue.brokerName,
            Number(r.messageQueue.queueId),
            Number(r.queueOffset),
          ]);
        else flow.failed++;
      } catch (e) {
        flow.failed++;
        flow.lastError = String(e);
        await sleep(50);
      }
    }
  };
  flow.done = Promise.all(Array.from({ length: q.outstanding }, run));
  flows.set(q.flow, flow);
}

const flowStatus = (f) => ({ acked: f.acked.length, failed: f.failed, lastError: f.lastError });

async function stopFlow(name) {
  const flow = flows.get(name);
  flow.stopped = true;
  await flow.done;
  flows.delete(name);
  return { ...flowStatus(flow), list: flow.acked };
}

// ---- consuming

async function startConsumer(q) {
  const attempts = new Map();
  const c = new Consumer({
    nameSrv: q.namesrv,
    consumerGroup: q.group,
    instanceName: q.consumer,
    clientIP: '127.0.0.1',
    httpclient: {},
    logger,
    isBroadcast: q.model === 'broadcasting',
    consumeFromWhere: q.fromWhere === 'last' ? 'CONSUME_FROM_LAST_OFFSET' : 'CONSUME_FROM_FIRST_OFFSET',
    ...(q.maxReconsumeTimes === undefined ? {} : { maxReconsumeTimes: q.maxReconsumeTimes }),
  });
  c.on('error', note);
  const expression = q.expression ?? '*';
  const { expressionType } = q;
  c.subscribe(
    q.topic,
    expressionType === 'SQL92' ? { expressionType, subString: expression } : expression,
    async (m, mq) => {
      const bytes = m.body ?? Buffer.alloc(0);
      const sha = crypto.createHash('sha256').update(bytes).digest('hex');
      const attempt = (attempts.get(sha) ?? 0) + 1;
      attempts.set(sha, attempt);
      const failing = q.failTimes < 0 || attempt <= (q.failTimes ?? 0);
      print({
        event: 'message',
        consumer: q.consumer,
        topic: m.topic,
        msgId: m.properties.UNIQ_KEY ?? m.msgId,
        queueId: m.queueId,
        queueOffset: m.queueOffset,
        broker: mq?.brokerName, // a retried message comes without its queue
        reconsumeTimes: m.reconsumeTimes,
        tag: m.tags ?? null,
        keys: m.keys,
        bornTs: m.bornTimestamp,
        ts: Date.now(),
        size: bytes.length,
        storeSize: m.storeSize,
        sha,
        failing,
        ...(bytes.length <= 2048 ? { text: bytes.toString() } : {}),
        ...(q.withProperties ? { properties: m.properties } : {}),
      });
      if (q.delayMs) await sleep(q.delayMs);
      if (failing) throw new Error('told to fail');
    },
  );
  await c.ready();
  consumers.set(q.consumer, c);
  return { clientId: c.clientId };
}

function assigned(c) {
  const queues = [...c.processQueueTable.values()].map(
    ({ messageQueue: m }) => `${m.topic}@${m.brokerName}:${m.queueId}`,
  );
  return { queues };
}

async function stop(map, name) {
  const client = map.get(name);
  map.delete(name);
  await client.close();
}

function handle(q) {
  switch (q.op) {
    case 'producer.start':
      return startProducer(q);
    case 'producer.stop':
      return stop(producers, q.producer);
    case 'send':
      return send(q);
    case 'flow.start':
      return startFlow(q);
    case 'flow.status':
      return flowStatus(flows.get(q.flow));
    case 'flow.stop':
      return stopFlow(q.flow);
    case 'consumer.start':
      return startConsumer(q);
    case 'consumer.stop':
      return stop(consumers, q.consumer);
    case 'consumer.assigned':
      return assigned(consumers.get(q.consumer));
    case 'quit':
      return process.exit(0);
    default:
      throw new Error(`no such op: ${q.op}`);
  }
}

async function answer(line) {
  const q = JSON.parse(line);
  try {
    print({ id: q.id, ok: true, ...(await handle(q)) });
  } catch (e) {
    note(e);
    print({
      id: q.id,
      ok: false,
      error: String(e.message ?? e),
      ...(e.code === undefined ? {} : { code: e.code }),
    });
  }
}

process.on('unhandledRejection', note);
process.on('uncaughtException', note);
readline
  .createInterface({ input: process.stdin })
  .on('line', answer)
  .on('close', () => process.exit(0));
