import com.alibaba.fastjson.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Many transactions at once, and what the broker asks about them. Of ten, five are committed, three rolled back and two
 * left open, of which one is committed and one rolled back when the broker asks. A question about a transaction that
 * was decided is unexpected; a second one about the same transaction, which the first had answered, is a duplicate.
 */
class TransactionLoad implements TransactionListener {
    static final Map<String, TransactionLoad> LOADS = new ConcurrentHashMap<>();

    final TransactionMQProducer producer;
    final String topic;
    final String prefix;
    final Set<Integer> begun = ConcurrentHashMap.newKeySet();
    final Set<Integer> asked = ConcurrentHashMap.newKeySet();
    final AtomicInteger sent = new AtomicInteger();
    final AtomicInteger failed = new AtomicInteger();
    final AtomicInteger checks = new AtomicInteger();
    final AtomicInteger unexpected = new AtomicInteger();
    final AtomicInteger duplicate = new AtomicInteger();

    TransactionLoad(JSONObject q) throws Exception {
        topic = q.getString("topic");
        prefix = q.getString("prefix");
        producer = new TransactionMQProducer(q.getString("group"));
        producer.setNamesrvAddr(q.getString("namesrv"));
        producer.setInstanceName(q.getString("producer"));
        producer.setTransactionListener(this);
        producer.start();
    }

    /** Runs all and answers when the last one was sent. */
    static JSONObject run(JSONObject q) throws Exception {
        TransactionLoad load = new TransactionLoad(q);
        LOADS.put(q.getString("producer"), load);
        ExecutorService threads = Executors.newFixedThreadPool(q.getIntValue("threads"));
        for (int i = 0; i < q.getIntValue("count"); i++) {
            int n = i;
            threads.execute(() -> load.send(n));
        }
        threads.shutdown();
        if (!threads.awaitTermination(5, TimeUnit.MINUTES)) throw new IllegalStateException("not all sent in 5 minutes");
        return load.status();
    }

    void send(int n) {
        try {
            Message m = new Message(topic, (prefix + n).getBytes(StandardCharsets.UTF_8));
            SendStatus status = producer.sendMessageInTransaction(m, null).getSendStatus();
            (status == SendStatus.SEND_OK ? sent : failed).incrementAndGet();
        } catch (Exception e) {
            e.printStackTrace();
            failed.incrementAndGet();
        }
    }

    JSONObject status() {
        JSONObject a = new JSONObject();
        a.put("sent", sent.get());
        a.put("failed", failed.get());
        a.put("checks", checks.get());
        a.put("unexpected", unexpected.get());
        a.put("duplicate", duplicate.get());
        return a;
    }

    int numberOf(Message m) {
        return Integer.parseInt(new String(m.getBody(), StandardCharsets.UTF_8).substring(prefix.length()));
    }

    public LocalTransactionState executeLocalTransaction(Message m, Object arg) {
        int n = numberOf(m);
        begun.add(n);
        return n % 10 < 5 ? LocalTransactionState.COMMIT_MESSAGE
            : n % 10 < 8 ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.UNKNOW;
    }

    public LocalTransactionState checkLocalTransaction(MessageExt m) {
        int n = numberOf(m);
        checks.incrementAndGet();
        if (n % 10 < 8 || !begun.contains(n)) unexpected.incrementAndGet();
        if (!asked.add(n)) duplicate.incrementAndGet();
        return n % 10 == 9 || (n % 10 >= 5 && n % 10 < 8)
            ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.COMMIT_MESSAGE;
    }
}
