// Drives rocketmq-client-go over JSON lines; the protocol is described in test/interop/README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

type request struct {
	Id                                          int    `json:"id"`
	OpName                                      string `json:"op"`
	ProducerName                                string `json:"producer"`
	ConsumerName                                string `json:"consumer"`
	FlowName                                    string `json:"flow"`
	Group, Namesrv, Topic, Kind, Prefix         string
	Expression, ExpressionType, Model, Mode     string
	FromWhere                                   string
	Decide, Answers                             string
	Outstanding, PerSecond, Size, Shards, Count int
	DelayMs, FailTimes                          int
	MaxReconsumeTimes, Retries, CompressOver    *int
	WithProperties                              bool
	Messages                                    []outgoing
	outgoing
}

type object = map[string]interface{}

var (
	out       = bufio.NewWriterSize(os.Stdout, 1<<16)
	outLock   sync.Mutex
	lock      sync.Mutex
	producers = map[string]rocketmq.Producer{}
	consumers = map[string]rocketmq.PushConsumer{}
	flows     = map[string]*flow{}
)

func print(o object) {
	line, err := json.Marshal(o)
	if err != nil {
		line = []byte(fmt.Sprintf(`{"event":"error","error":%q}`, err.Error()))
	}
	outLock.Lock()
	defer outLock.Unlock()
	out.Write(line)
	out.WriteByte('\n')
	out.Flush()
}

func handle(q *request) (object, error) {
	switch q.OpName {
	case "producer.start":
		return nil, startProducer(q)
	case "producer.stop":
		lock.Lock()
		p, found := producers[q.ProducerName]
		t := transactionProducers[q.ProducerName]
		delete(producers, q.ProducerName)
		delete(transactionProducers, q.ProducerName)
		lock.Unlock()
		if found {
			return nil, p.Shutdown()
		}
		return nil, t.Shutdown()
	case "send":
		return send(q)
	case "sendBatch":
		return sendBatch(q)
	case "transaction.start":
		return nil, startTransactionProducer(q)
	case "transaction.send":
		return sendInTransaction(q)
	case "flow.start":
		f := newFlow(q)
		lock.Lock()
		flows[q.FlowName] = f
		lock.Unlock()
		return nil, nil
	case "flow.status":
		return flowByName(q).status(), nil
	case "flow.stop":
		return flowByName(q).stop(), nil
	case "consumer.start":
		return nil, startConsumer(q)
	case "consumer.stop":
		lock.Lock()
		c := consumers[q.ConsumerName]
		delete(consumers, q.ConsumerName)
		lock.Unlock()
		return nil, c.Shutdown()
	case "consumer.assigned":
		lock.Lock()
		c := consumers[q.ConsumerName]
		lock.Unlock()
		return object{"queues": assigned(c)}, nil
	case "quit":
		os.Exit(0)
	}
	return nil, fmt.Errorf("no such op: %s", q.OpName)
}

func answer(line []byte) {
	q := &request{}
	a := object{}
	err := json.Unmarshal(line, q)
	if err == nil {
		var r object
		func() {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %v", p)
				}
			}()
			r, err = handle(q)
		}()
		for k, v := range r {
			a[k] = v
		}
	}
	a["id"] = q.Id
	a["ok"] = err == nil
	if err != nil {
		a["error"] = err.Error()
	}
	print(a)
}

func main() {
	rlog.SetLogLevel("warn") // to stderr
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<16), 1<<26)
	for in.Scan() {
		line := append([]byte{}, in.Bytes()...)
		go answer(line)
	}
}
