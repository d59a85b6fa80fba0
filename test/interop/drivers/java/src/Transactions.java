import com.alibaba.fastjson.JSONObject;
import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Transactional producers. A message carries its decisions with it, so that every member of the group knows them:
 * property DECIDE is what the local transaction says, property ANSWERS what each question of the broker is answered.
 */
class Transactions implements TransactionListener {
    static final String DECIDE = "interopDecide";
    static final String ANSWERS = "interopAnswers";
    final String producer;

    Transactions(String producer) { this.producer = producer; }

    static JSONObject start(JSONObject q) throws Exception {
        TransactionMQProducer p = new TransactionMQProducer(q.getString("group"));
        p.setNamesrvAddr(q.getString("namesrv"));
        p.setInstanceName(q.getString("producer"));
        p.setTransactionListener(new Transactions(q.getString("producer")));
        p.start();
        Driver.PRODUCERS.put(q.getString("producer"), p);
        return null;
    }

    static JSONObject send(JSONObject q) throws Exception {
        Message m = Driver.message(q.getString("topic"), q);
        m.putUserProperty(DECIDE, q.getString("decide"));
        m.putUserProperty(ANSWERS, q.containsKey("answers") ? q.getString("answers") : "unknown");
        TransactionMQProducer p = (TransactionMQProducer) Driver.PRODUCERS.get(q.getString("producer"));
        TransactionSendResult r = p.sendMessageInTransaction(m, null);
        JSONObject a = Driver.result(r);
        a.put("state", String.valueOf(r.getLocalTransactionState()));
        return a;
    }

    public LocalTransactionState executeLocalTransaction(Message m, Object arg) {
        String decision = m.getUserProperty(DECIDE);
        tell("local", m, null, decision);
        if ("hang".equals(decision)) {
            try { Thread.sleep(Long.MAX_VALUE); } catch (InterruptedException e) { Thread.currentThread().interrupt(); }
        }
        if ("throw".equals(decision)) throw new IllegalStateException("the local transaction failed");
        return state(decision);
    }

    public LocalTransactionState checkLocalTransaction(MessageExt m) {
        String answer = m.getUserProperty(ANSWERS);
        tell("check", m, m, answer);
        return state(answer);
    }

    static LocalTransactionState state(String decision) {
        switch (decision) {
            case "commit": return LocalTransactionState.COMMIT_MESSAGE;
            case "rollback": return LocalTransactionState.ROLLBACK_MESSAGE;
            default: return LocalTransactionState.UNKNOW;
        }
    }

    void tell(String event, Message m, MessageExt checked, String says) {
        JSONObject e = new JSONObject();
        e.put("event", event);
        e.put("producer", producer);
        e.put("topic", m.getTopic());
        e.put("text", new String(m.getBody(), StandardCharsets.UTF_8));
        e.put("says", says);
        e.put("ts", System.currentTimeMillis());
        if (checked != null) {
            e.put("msgId", checked.getMsgId());
            e.put("transactionId", checked.getTransactionId());
        }
        Driver.print(e);
    }
}
