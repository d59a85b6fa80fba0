package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

type outgoing struct {
	Body        json.RawMessage
	Tag         *string
	Keys        *string
	ShardingKey *string
	QueueID     *int `json:"queueId"`
	DelayLevel  int
	Properties  map[string]string
}

// chosen remembers the queue asked for by number; everything else goes by sharding key or round robin.
var chosen sync.Map

type selector struct{ next uint32 }

func (s *selector) Select(m *primitive.Message, queues []*primitive.MessageQueue, _ string) *primitive.MessageQueue {
	if id, ok := chosen.Load(m); ok {
		for _, q := range queues {
			if q.QueueId == id.(int) {
				return q
			}
		}
		return nil
	}
	if key := m.GetShardingKey(); key != "" {
		h := fnv.New32a()
		h.Write([]byte(key))
		return queues[h.Sum32()%uint32(len(queues))]
	}
	return queues[atomic.AddUint32(&s.next, 1)%uint32(len(queues))]
}

func startProducer(q *request) error {
	opts := []producer.Option{
		producer.WithNameServer(primitive.NamesrvAddr{q.Namesrv}),
		producer.WithGroupName(q.Group),
		producer.WithInstanceName(q.ProducerName),
		producer.WithQueueSelector(&selector{}),
	}
	if q.CompressOver != nil {
		opts = append(opts, producer.WithCompressMsgBodyOverHowmuch(*q.CompressOver))
	}
	if q.Retries != nil {
		opts = append(opts, producer.WithRetry(*q.Retries))
	}
	p, err := rocketmq.NewProducer(opts...)
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	lock.Lock()
	defer lock.Unlock()
	producers[q.ProducerName] = p
	return nil
}

func producerByName(name string) rocketmq.Producer {
	lock.Lock()
	defer lock.Unlock()
	return producers[name]
}

func message(topic string, o *outgoing) (*primitive.Message, error) {
	b, err := body(o.Body)
	if err != nil {
		return nil, err
	}
	m := primitive.NewMessage(topic, b)
	if o.Tag != nil {
		m.WithTag(*o.Tag)
	}
	if o.Keys != nil {
		m.WithKeys([]string{*o.Keys})
	}
	if o.ShardingKey != nil {
		m.WithShardingKey(*o.ShardingKey)
	}
	if o.DelayLevel > 0 {
		m.WithDelayTimeLevel(o.DelayLevel)
	}
	for k, v := range o.Properties {
		m.WithProperty(k, v)
	}
	if o.QueueID != nil {
		chosen.Store(m, *o.QueueID)
	}
	return m, nil
}

func send(q *request) (object, error) {
	p := producerByName(q.ProducerName)
	m, err := message(q.Topic, &q.outgoing)
	if err != nil {
		return nil, err
	}
	defer chosen.Delete(m)
	switch q.Kind {
	case "oneway":
		return nil, p.SendOneWay(context.Background(), m)
	case "async":
		type outcome struct {
			r   *primitive.SendResult
			err error
		}
		done := make(chan outcome, 2)
		err := p.SendAsync(context.Background(), func(_ context.Context, r *primitive.SendResult, err error) {
			done <- outcome{r, err}
		}, m)
		if err != nil {
			return nil, err
		}
		o := <-done
		if o.err != nil {
			return nil, o.err
		}
		return result(o.r)
	}
	r, err := p.SendSync(context.Background(), m)
	if err != nil {
		return nil, err
	}
	return result(r)
}

func sendBatch(q *request) (object, error) {
	var list []*primitive.Message
	for i := range q.Messages {
		m, err := message(q.Topic, &q.Messages[i])
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	r, err := producerByName(q.ProducerName).SendSync(context.Background(), list...)
	if err != nil {
		return nil, err
	}
	return result(r)
}

func statusName(s primitive.SendStatus) string {
	switch s {
	case primitive.SendOK:
		return "SEND_OK"
	case primitive.SendFlushDiskTimeout:
		return "FLUSH_DISK_TIMEOUT"
	case primitive.SendFlushSlaveTimeout:
		return "FLUSH_SLAVE_TIMEOUT"
	case primitive.SendSlaveNotAvailable:
		return "SLAVE_NOT_AVAILABLE"
	}
	return fmt.Sprintf("STATUS_%d", s)
}

func result(r *primitive.SendResult) (object, error) {
	return object{
		"status":      statusName(r.Status),
		"msgId":       r.MsgID,
		"offsetMsgId": r.OffsetMsgID,
		"queueId":     r.MessageQueue.QueueId,
		"broker":      r.MessageQueue.BrokerName,
		"queueOffset": r.QueueOffset,
	}, nil
}

// flow sends numbered messages, at most `outstanding` unanswered and about `perSecond` a second, until told to stop.
type flow struct {
	q         *request
	start     time.Time
	next      int64
	stopped   int32
	done      sync.WaitGroup
	lock      sync.Mutex
	acked     [][]interface{}
	failed    int
	lastError string
}

func flowByName(q *request) *flow {
	lock.Lock()
	defer lock.Unlock()
	return flows[q.FlowName]
}

func newFlow(q *request) *flow {
	f := &flow{q: q, start: time.Now()}
	for i := 0; i < q.Outstanding; i++ {
		f.done.Add(1)
		go f.run(producerByName(q.ProducerName))
	}
	return f
}

func (f *flow) run(p rocketmq.Producer) {
	defer f.done.Done()
	for atomic.LoadInt32(&f.stopped) == 0 {
		n := int(atomic.AddInt64(&f.next, 1)) - 1
		if f.q.Count > 0 && n >= f.q.Count {
			return
		}
		due := f.start.Add(time.Duration(n) * time.Second / time.Duration(f.q.PerSecond))
		for atomic.LoadInt32(&f.stopped) == 0 && time.Now().Before(due) {
			wait := time.Until(due)
			if wait > 50*time.Millisecond {
				wait = 50 * time.Millisecond
			}
			time.Sleep(wait)
		}
		if atomic.LoadInt32(&f.stopped) != 0 {
			return
		}
		m := primitive.NewMessage(f.q.Topic, flowBody(f.q.Prefix, n, f.q.Size))
		if f.q.Shards > 0 {
			m.WithShardingKey(fmt.Sprintf("s%d", n%f.q.Shards))
		}
		r, err := p.SendSync(context.Background(), m)
		f.lock.Lock()
		if err == nil && r.Status == primitive.SendOK {
			f.acked = append(f.acked, []interface{}{n, r.MessageQueue.BrokerName, r.MessageQueue.QueueId, r.QueueOffset})
		} else {
			f.failed++
			if err != nil {
				f.lastError = err.Error()
			}
		}
		f.lock.Unlock()
		if err != nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (f *flow) status() object {
	f.lock.Lock()
	defer f.lock.Unlock()
	return object{"acked": len(f.acked), "failed": f.failed, "lastError": f.lastError}
}

func (f *flow) stop() object {
	atomic.StoreInt32(&f.stopped, 1)
	f.done.Wait()
	a := f.status()
	list := f.acked
	if list == nil {
		list = [][]interface{}{}
	}
	a["list"] = list
	return a
}
