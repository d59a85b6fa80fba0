import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Drives rocketmq-client over JSON lines: one request a line on stdin, answers and events on stdout.
 * The same source compiles against 4.9.8 and 5.4.0; what moved between them is reached by reflection.
 * The protocol is described in test/interop/README.md.
 */
public class Driver {
    static final PrintStream OUT = System.out;
    static final ExecutorService POOL = Executors.newCachedThreadPool();
    static final Map<String, DefaultMQProducer> PRODUCERS = new ConcurrentHashMap<>();
    static final Map<String, DefaultMQPushConsumer> CONSUMERS = new ConcurrentHashMap<>();
    static final Map<String, Flow> FLOWS = new ConcurrentHashMap<>();

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            JSONObject q = JSON.parseObject(line);
            POOL.execute(() -> answer(q));
        }
        Runtime.getRuntime().halt(0);
    }

    static void answer(JSONObject q) {
        JSONObject a = new JSONObject();
        try {
            JSONObject r = handle(q);
            if (r != null) a.putAll(r);
            a.put("ok", true);
        } catch (Throwable e) {
            Throwable t = e instanceof java.lang.reflect.InvocationTargetException ? e.getCause() : e;
            t.printStackTrace();
            a.put("ok", false);
            a.put("error", t.getCause() == null ? String.valueOf(t) : t + ", because of " + t.getCause());
            Integer code = codeOf(t);
            if (code != null) a.put("code", code);
        }
        a.put("id", q.get("id"));
        print(a);
    }

    static void print(JSONObject o) {
        String s = JSON.toJSONString(o) + "\n";
        byte[] b = s.getBytes(StandardCharsets.UTF_8);
        synchronized (OUT) { OUT.write(b, 0, b.length); OUT.flush(); }
    }

    static Integer codeOf(Throwable t) {
        for (; t != null; t = t.getCause()) {
            try { return (Integer) t.getClass().getMethod("getResponseCode").invoke(t); } catch (ReflectiveOperationException ignored) { }
        }
        return null;
    }

    static JSONObject handle(JSONObject q) throws Exception {
        switch (q.getString("op")) {
            case "producer.start": return startProducer(q);
            case "producer.stop": PRODUCERS.remove(q.getString("producer")).shutdown(); return null;
            case "send": return send(q);
            case "recall": return recall(q);
            case "sendBatch": return sendBatch(q);
            case "transaction.start": return Transactions.start(q);
            case "transaction.send": return Transactions.send(q);
            case "transaction.load": return TransactionLoad.run(q);
            case "transaction.load.status": return TransactionLoad.LOADS.get(q.getString("producer")).status();
            case "transaction.load.stop": TransactionLoad.LOADS.remove(q.getString("producer")).producer.shutdown(); return null;
            case "flow.start": FLOWS.put(q.getString("flow"), new Flow(q)); return null;
            case "flow.status": return FLOWS.get(q.getString("flow")).status();
            case "flow.stop": return FLOWS.remove(q.getString("flow")).stop();
            case "consumer.start": return startConsumer(q);
            case "consumer.stop": CONSUMERS.remove(q.getString("consumer")).shutdown(); return null;
            case "consumer.assigned": return assigned(CONSUMERS.get(q.getString("consumer")));
            case "quit": Runtime.getRuntime().halt(0); return null;
            default: // administration is compiled into the 5.4.0 driver only
                return (JSONObject) Class.forName("Admin").getDeclaredMethod("handle", JSONObject.class).invoke(null, q);
        }
    }

    // ---- producing

    static JSONObject startProducer(JSONObject q) throws Exception {
        DefaultMQProducer p = new DefaultMQProducer(q.getString("group"));
        p.setNamesrvAddr(q.getString("namesrv"));
        p.setInstanceName(q.getString("producer"));
        p.setSendMsgTimeout(q.containsKey("sendTimeoutMs") ? q.getIntValue("sendTimeoutMs") : 3000);
        if (q.containsKey("maxMessageSize")) p.setMaxMessageSize(q.getIntValue("maxMessageSize"));
        if (q.containsKey("compressOver")) p.setCompressMsgBodyOverHowmuch(q.getIntValue("compressOver"));
        if (q.containsKey("retries")) {
            p.setRetryTimesWhenSendFailed(q.getIntValue("retries"));
            p.setRetryTimesWhenSendAsyncFailed(q.getIntValue("retries"));
        }
        if (q.containsKey("compressType")) { // 5.x only
            for (Method m : p.getClass().getMethods())
                if (m.getName().equals("setCompressType")) m.invoke(p, constant(m.getParameterTypes()[0], q.getString("compressType")));
        }
        p.start();
        PRODUCERS.put(q.getString("producer"), p);
        return null;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Object constant(Class<?> type, String name) { return Enum.valueOf((Class<? extends Enum>) type, name); }

    static Message message(String topic, JSONObject q) {
        Message m = new Message(topic, body(q.get("body")));
        if (q.containsKey("tag")) m.setTags(q.getString("tag"));
        if (q.containsKey("keys")) m.setKeys(q.getString("keys"));
        if (q.containsKey("delayLevel")) m.setDelayTimeLevel(q.getIntValue("delayLevel"));
        // 5.x only
        if (q.containsKey("timerDelayMs")) call(m, "setDelayTimeMs", q.getLongValue("timerDelayMs"));
        if (q.containsKey("timerDeliverMs")) call(m, "setDeliverTimeMs", q.getLongValue("timerDeliverMs"));
        if (q.containsKey("properties"))
            for (Map.Entry<String, Object> e : q.getJSONObject("properties").entrySet()) m.putUserProperty(e.getKey(), String.valueOf(e.getValue()));
        return m;
    }

    static void call(Message m, String setter, long value) {
        try { Message.class.getMethod(setter, long.class).invoke(m, value); }
        catch (ReflectiveOperationException e) { throw new UnsupportedOperationException(setter, e); }
    }

    /** 5.4.0 only. */
    static JSONObject recall(JSONObject q) throws Exception {
        DefaultMQProducer p = PRODUCERS.get(q.getString("producer"));
        JSONObject a = new JSONObject();
        a.put("msgId", p.getClass().getMethod("recallMessage", String.class, String.class).invoke(p, q.getString("topic"), q.getString("handle")));
        return a;
    }

    static JSONObject send(JSONObject q) throws Exception {
        DefaultMQProducer p = PRODUCERS.get(q.getString("producer"));
        Message m = message(q.getString("topic"), q);
        switch (q.getString("kind")) {
            case "oneway": p.sendOneway(m); return null;
            case "async": {
                CompletableFuture<SendResult> f = new CompletableFuture<>();
                p.send(m, callback(f));
                try { return result(f.get(60, TimeUnit.SECONDS)); } catch (java.util.concurrent.ExecutionException e) { throw (Exception) e.getCause(); }
            }
            default: return result(select(p, m, q));
        }
    }

    static SendResult select(DefaultMQProducer p, Message m, JSONObject q) throws Exception {
        if (q.containsKey("queueId")) {
            int id = q.getIntValue("queueId");
            return p.send(m, (queues, msg, arg) -> queues.stream().filter(x -> x.getQueueId() == id).findFirst().get(), null);
        }
        if (q.containsKey("shardingKey")) {
            String key = q.getString("shardingKey");
            m.putUserProperty("SHARDING", key);
            return p.send(m, (queues, msg, arg) -> queues.get(Math.floorMod(key.hashCode(), queues.size())), null);
        }
        return p.send(m);
    }

    static SendCallback callback(CompletableFuture<SendResult> f) {
        return new SendCallback() {
            public void onSuccess(SendResult r) { f.complete(r); }
            public void onException(Throwable e) { f.completeExceptionally(e instanceof Exception ? e : new RuntimeException(e)); }
        };
    }

    static JSONObject sendBatch(JSONObject q) throws Exception {
        List<Message> list = new ArrayList<>();
        JSONArray in = q.getJSONArray("messages");
        for (int i = 0; i < in.size(); i++) list.add(message(q.getString("topic"), in.getJSONObject(i)));
        return result(PRODUCERS.get(q.getString("producer")).send(list));
    }

    static JSONObject result(SendResult r) {
        JSONObject a = new JSONObject();
        a.put("status", String.valueOf(r.getSendStatus()));
        a.put("msgId", r.getMsgId());
        a.put("offsetMsgId", r.getOffsetMsgId());
        a.put("queueId", r.getMessageQueue().getQueueId());
        a.put("broker", r.getMessageQueue().getBrokerName());
        a.put("queueOffset", r.getQueueOffset());
        try { a.put("recallHandle", r.getClass().getMethod("getRecallHandle").invoke(r)); }
        catch (ReflectiveOperationException e) { /* before 5.4.0 */ }
        return a;
    }

    /** Sends numbered messages, at most `outstanding` unanswered and about `perSecond` a second, until told to stop. */
    static class Flow {
        final JSONObject q;
        final AtomicInteger next = new AtomicInteger();
        final List<Object[]> acked = new ArrayList<>();
        final AtomicInteger failed = new AtomicInteger();
        final List<Thread> threads = new ArrayList<>();
        final long t0 = System.currentTimeMillis();
        final DefaultMQProducer producer;
        final int limit;
        volatile boolean stopped;
        volatile String lastError;

        Flow(JSONObject q) {
            this.q = q;
            producer = PRODUCERS.get(q.getString("producer"));
            limit = q.containsKey("count") ? q.getIntValue("count") : Integer.MAX_VALUE;
            for (int i = 0; i < q.getIntValue("outstanding"); i++) {
                Thread t = new Thread(this::run, "flow");
                t.setDaemon(true);
                threads.add(t);
            }
            threads.forEach(Thread::start);
        }

        void run() {
            int perSecond = q.getIntValue("perSecond");
            int keys = q.getIntValue("shards");
            while (!stopped) {
                int n = next.getAndIncrement();
                if (n >= limit) return;
                try {
                    long due = t0 + n * 1000L / perSecond;
                    while (!stopped && System.currentTimeMillis() < due) Thread.sleep(Math.max(1, Math.min(50, due - System.currentTimeMillis())));
                    if (stopped) return;
                    Message m = new Message(q.getString("topic"), flowBody(q.getString("prefix"), n, q.getIntValue("size")));
                    JSONObject how = new JSONObject();
                    if (keys > 0) how.put("shardingKey", "s" + n % keys);
                    SendResult r = select(producer, m, how);
                    if (!"SEND_OK".equals(String.valueOf(r.getSendStatus()))) { failed.incrementAndGet(); continue; }
                    synchronized (acked) {
                        acked.add(new Object[] {n, r.getMessageQueue().getBrokerName(), r.getMessageQueue().getQueueId(), r.getQueueOffset()});
                    }
                } catch (Exception e) {
                    failed.incrementAndGet();
                    lastError = String.valueOf(e);
                    // the schedule goes on: what was missed while nobody answered is not caught up in a burst of failures
                    try { Thread.sleep(50); } catch (InterruptedException x) { return; }
                }
            }
        }

        JSONObject status() {
            JSONObject a = new JSONObject();
            synchronized (acked) { a.put("acked", acked.size()); }
            a.put("failed", failed.get());
            a.put("lastError", lastError);
            return a;
        }

        JSONObject stop() throws InterruptedException {
            stopped = true;
            for (Thread t : threads) t.join(20000);
            JSONObject a = status();
            synchronized (acked) { a.put("list", new ArrayList<>(acked)); }
            return a;
        }
    }

    // ---- consuming

    static JSONObject startConsumer(JSONObject q) throws Exception {
        String name = q.getString("consumer");
        DefaultMQPushConsumer c = new DefaultMQPushConsumer(q.getString("group"));
        c.setNamesrvAddr(q.getString("namesrv"));
        c.setInstanceName(name);
        c.setConsumeThreadMax(q.containsKey("threads") ? q.getIntValue("threads") : 4);
        c.setConsumeThreadMin(q.containsKey("threads") ? q.getIntValue("threads") : 4);
        c.setConsumeFromWhere(ConsumeFromWhere.valueOf("last".equals(q.getString("fromWhere")) ? "CONSUME_FROM_LAST_OFFSET" : "CONSUME_FROM_FIRST_OFFSET"));
        if (q.containsKey("maxReconsumeTimes")) c.setMaxReconsumeTimes(q.getIntValue("maxReconsumeTimes"));
        if (q.getBooleanValue("brokerRebalance")) { // 5.x only
            for (Method m : c.getClass().getMethods())
                if (m.getName().equals("setClientRebalance")) m.invoke(c, false);
        }
        if (q.containsKey("invisibleMs")) { // 5.x only
            for (Method m : c.getClass().getMethods())
                if (m.getName().equals("setPopInvisibleTime")) m.invoke(c, q.getLongValue("invisibleMs"));
        }
        if ("broadcasting".equals(q.getString("model"))) {
            for (Method m : c.getClass().getMethods())
                if (m.getName().equals("setMessageModel")) m.invoke(c, constant(m.getParameterTypes()[0], "BROADCASTING"));
        }
        String expression = q.containsKey("expression") ? q.getString("expression") : "*";
        if ("SQL92".equals(q.getString("expressionType"))) c.subscribe(q.getString("topic"), MessageSelector.bySql(expression));
        else c.subscribe(q.getString("topic"), expression);
        Handler h = new Handler(q);
        if ("orderly".equals(q.getString("mode")))
            c.registerMessageListener((MessageListenerOrderly) (msgs, ctx) -> h.all(msgs) ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT);
        else
            c.registerMessageListener((MessageListenerConcurrently) (msgs, ctx) -> h.all(msgs) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER);
        c.start();
        CONSUMERS.put(name, c);
        JSONObject a = new JSONObject();
        a.put("clientId", c.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId());
        return a;
    }

    static class Handler {
        final JSONObject q;
        final String consumer;
        final int delayMs;
        final int failTimes;
        final Map<String, AtomicInteger> attempts = new ConcurrentHashMap<>();

        Handler(JSONObject q) {
            this.q = q;
            consumer = q.getString("consumer");
            delayMs = q.getIntValue("delayMs");
            failTimes = q.getIntValue("failTimes");
        }

        boolean all(List<MessageExt> msgs) {
            boolean good = true;
            for (MessageExt m : msgs) good &= one(m);
            return good;
        }

        boolean one(MessageExt m) {
            String sha = sha(m.getBody());
            int attempt = failTimes == 0 ? 0 : attempts.computeIfAbsent(sha, k -> new AtomicInteger()).incrementAndGet();
            JSONObject e = new JSONObject();
            e.put("event", "message");
            e.put("consumer", consumer);
            e.put("topic", m.getTopic());
            e.put("msgId", m.getMsgId());
            e.put("queueId", m.getQueueId());
            e.put("queueOffset", m.getQueueOffset());
            e.put("broker", m.getBrokerName());
            e.put("reconsumeTimes", m.getReconsumeTimes());
            e.put("tag", m.getTags());
            e.put("keys", m.getKeys());
            e.put("bornTs", m.getBornTimestamp());
            e.put("ts", System.currentTimeMillis());
            e.put("size", m.getBody().length);
            e.put("storeSize", m.getStoreSize());
            e.put("sha", sha);
            if (m.getBody().length <= 2048) e.put("text", new String(m.getBody(), StandardCharsets.UTF_8));
            if (q.getBooleanValue("withProperties")) e.put("properties", m.getProperties());
            boolean fail = failTimes < 0 || attempt <= failTimes && failTimes > 0;
            e.put("failing", fail);
            print(e);
            if (delayMs > 0) try { Thread.sleep(delayMs); } catch (InterruptedException x) { return false; }
            return !fail;
        }
    }

    static JSONObject assigned(DefaultMQPushConsumer c) {
        JSONArray queues = new JSONArray();
        for (MessageQueue mq : c.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet())
            queues.add(mq.getTopic() + "@" + mq.getBrokerName() + ":" + mq.getQueueId());
        JSONObject a = new JSONObject();
        a.put("queues", queues);
        return a;
    }

    // ---- bodies: the same bytes in every driver

    static byte[] body(Object spec) {
        if (spec instanceof String) return ((String) spec).getBytes(StandardCharsets.UTF_8);
        JSONObject o = (JSONObject) spec;
        return seeded(o.getIntValue("size"), o.getIntValue("seed"), o.containsKey("alphabet") ? o.getIntValue("alphabet") : 256);
    }

    static byte[] seeded(int size, int seed, int alphabet) {
        byte[] b = new byte[size];
        int x = seed | 1;
        for (int i = 0; i < size; i++) {
            x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
            int r = x >>> 24;
            b[i] = (byte) (alphabet == 256 ? r : 97 + r % alphabet);
        }
        return b;
    }

    static byte[] flowBody(String prefix, int n, int size) {
        byte[] head = (prefix + "-" + n + ":").getBytes(StandardCharsets.UTF_8);
        if (size <= head.length) return head;
        byte[] b = java.util.Arrays.copyOf(head, size);
        System.arraycopy(seeded(size - head.length, n, 26), 0, b, head.length, size - head.length);
        return b;
    }

    static String sha(byte[] b) {
        try {
            StringBuilder s = new StringBuilder();
            for (byte x : MessageDigest.getInstance("SHA-256").digest(b)) s.append(Character.forDigit(x >> 4 & 15, 16)).append(Character.forDigit(x & 15, 16));
            return s.toString();
        } catch (java.security.NoSuchAlgorithmException e) { throw new IllegalStateException(e); }
    }
}
