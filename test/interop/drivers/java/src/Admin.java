import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** The real mqadmin inside the driver's JVM: {"op":"mqadmin","args":[...]} answers with what it printed. */
class Admin extends MQAdminStartup {
    static synchronized JSONObject handle(JSONObject q) throws Exception {
        if (!"mqadmin".equals(q.getString("op"))) throw new IllegalArgumentException("no such op: " + q.getString("op"));
        JSONArray in = q.getJSONArray("args");
        String[] args = in.toArray(new String[0]);
        long limitMs = q.containsKey("limitMs") ? q.getLongValue("limitMs") : 60000;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream to = new PrintStream(printed, true, "UTF-8");
        PrintStream oldOut = System.out, oldErr = System.err;
        System.setOut(to);
        System.setErr(to);
        boolean late;
        try {
            Thread t = new Thread(() -> {
                SUB_COMMANDS.clear(); // sub-commands keep state between runs: take new ones, as a new process would
                main0(args, null);
            }, "mqadmin");
            t.setDaemon(true);
            t.start();
            t.join(limitMs);
            late = t.isAlive();
            if (late) t.interrupt();
        } finally {
            System.setOut(oldOut);
            System.setErr(oldErr);
        }
        StringBuilder text = new StringBuilder();
        for (String l : printed.toString("UTF-8").split("\n"))
            if (!l.matches("\\d\\d:\\d\\d:\\d\\d,\\d+ \\|-.*|\\s+at .*")) text.append(l).append('\n');
        if (late) text.append("mqadmin did not end within ").append(limitMs).append(" ms\n");
        JSONObject a = new JSONObject();
        a.put("output", text.toString());
        return a;
    }
}
