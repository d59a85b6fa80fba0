package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

func startConsumer(q *request) error {
	opts := []consumer.Option{
		consumer.WithNameServer(primitive.NamesrvAddr{q.Namesrv}),
		consumer.WithGroupName(q.Group),
		consumer.WithInstance(q.ConsumerName),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithConsumerOrder(q.Mode == "orderly"),
		consumer.WithConsumeGoroutineNums(4),
	}
	if q.FromWhere == "last" {
		opts = append(opts, consumer.WithConsumeFromWhere(consumer.ConsumeFromLastOffset))
	}
	if q.Model == "broadcasting" {
		opts = append(opts, consumer.WithConsumerModel(consumer.BroadCasting))
	}
	if q.MaxReconsumeTimes != nil {
		opts = append(opts, consumer.WithMaxReconsumeTimes(int32(*q.MaxReconsumeTimes)))
	}
	c, err := rocketmq.NewPushConsumer(opts...)
	if err != nil {
		return err
	}
	expression := q.Expression
	if expression == "" {
		expression = "*"
	}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: expression}
	if q.ExpressionType == "SQL92" {
		selector.Type = consumer.SQL92
	}
	h := &handler{q: q, attempts: map[string]int{}}
	err = c.Subscribe(q.Topic, selector,
		func(_ context.Context, list ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			good := true
			for _, m := range list {
				good = h.one(m) && good
			}
			if good {
				return consumer.ConsumeSuccess, nil
			}
			if q.Mode == "orderly" {
				return consumer.SuspendCurrentQueueAMoment, nil
			}
			return consumer.ConsumeRetryLater, nil
		})
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	lock.Lock()
	defer lock.Unlock()
	consumers[q.ConsumerName] = c
	return nil
}

type handler struct {
	q        *request
	lock     sync.Mutex
	attempts map[string]int
}

func (h *handler) one(m *primitive.MessageExt) bool {
	sum := sha256.Sum256(m.Body)
	sha := hex.EncodeToString(sum[:])
	h.lock.Lock()
	h.attempts[sha]++
	attempt := h.attempts[sha]
	h.lock.Unlock()
	failing := h.q.FailTimes < 0 || attempt <= h.q.FailTimes
	e := object{
		"event":          "message",
		"consumer":       h.q.ConsumerName,
		"topic":          m.Topic,
		"msgId":          m.MsgId,
		"queueOffset":    m.QueueOffset,
		"reconsumeTimes": m.ReconsumeTimes,
		"tag":            m.GetTags(),
		"keys":           m.GetKeys(),
		"bornTs":         m.BornTimestamp,
		"ts":             time.Now().UnixMilli(),
		"size":           len(m.Body),
		"storeSize":      m.StoreSize,
		"sha":            sha,
		"failing":        failing,
	}
	if m.Queue != nil {
		e["queueId"] = m.Queue.QueueId
		e["broker"] = m.Queue.BrokerName
	}
	if len(m.Body) <= 2048 {
		e["text"] = string(m.Body)
	}
	if h.q.WithProperties {
		e["properties"] = m.GetProperties()
	}
	print(e)
	if h.q.DelayMs > 0 {
		time.Sleep(time.Duration(h.q.DelayMs) * time.Millisecond)
	}
	return !failing
}

// assigned looks into the consumer: the client has no public way to ask which queues it holds.
func assigned(c rocketmq.PushConsumer) []string {
	field := reflect.ValueOf(c).Elem().FieldByName("defaultConsumer").Elem().FieldByName("processQueueTable")
	table := (*sync.Map)(unsafe.Pointer(field.UnsafeAddr()))
	queues := []string{}
	table.Range(func(key, _ interface{}) bool {
		m := key.(primitive.MessageQueue)
		queues = append(queues, fmt.Sprintf("%s@%s:%d", m.Topic, m.BrokerName, m.QueueId))
		return true
	})
	return queues
}
