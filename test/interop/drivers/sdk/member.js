// A consumer by key of our own SDK in a process that can be killed: node member.js NAMESRV GROUP TOPIC
// prints {text, ts} for every message when its handler is called.
import { createClient } from '../../../../client-sdk/dist/index.js';

const [nameServers, group, topic] = process.argv.slice(2);
createClient({ nameServers }).consume({
  group,
  topics: [topic],
  order: 'key',
  startFrom: 'earliest',
  handle: async (message) => {
    console.log(JSON.stringify({ text: message.body.toString(), ts: Date.now() }));
    await new Promise((resolve) => setTimeout(resolve, 1));
  },
});
