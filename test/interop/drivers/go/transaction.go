package main

import (
	"context"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// A message carries its decisions with it, so that every member of the group knows them.
const (
	decideProperty  = "interopDecide"
	answersProperty = "interopAnswers"
)

var transactionProducers = map[string]rocketmq.TransactionProducer{}

type listener struct{ producer string }

func startTransactionProducer(q *request) error {
	p, err := rocketmq.NewTransactionProducer(&listener{q.ProducerName},
		producer.WithNameServer(primitive.NamesrvAddr{q.Namesrv}),
		producer.WithGroupName(q.Group),
		producer.WithInstanceName(q.ProducerName),
		producer.WithQueueSelector(&selector{}),
	)
	if err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	lock.Lock()
	defer lock.Unlock()
	transactionProducers[q.ProducerName] = p
	return nil
}

func sendInTransaction(q *request) (object, error) {
	m, err := message(q.Topic, &q.outgoing)
	if err != nil {
		return nil, err
	}
	answers := q.Answers
	if answers == "" {
		answers = "unknown"
	}
	m.WithProperty(decideProperty, q.Decide)
	m.WithProperty(answersProperty, answers)
	lock.Lock()
	p := transactionProducers[q.ProducerName]
	lock.Unlock()
	r, err := p.SendMessageInTransaction(context.Background(), m)
	if err != nil {
		return nil, err
	}
	return result(r.SendResult)
}

func (l *listener) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	decision := m.GetProperty(decideProperty)
	l.tell("local", m, decision, object{})
	if decision == "hang" {
		select {}
	}
	return state(decision)
}

func (l *listener) CheckLocalTransaction(m *primitive.MessageExt) primitive.LocalTransactionState {
	answer := m.GetProperty(answersProperty)
	l.tell("check", &m.Message, answer, object{"msgId": m.MsgId, "transactionId": m.TransactionId})
	return state(answer)
}

func state(decision string) primitive.LocalTransactionState {
	switch decision {
	case "commit":
		return primitive.CommitMessageState
	case "rollback":
		return primitive.RollbackMessageState
	}
	return primitive.UnknowState
}

func (l *listener) tell(event string, m *primitive.Message, says string, more object) {
	e := object{
		"event":    event,
		"producer": l.producer,
		"topic":    m.Topic,
		"text":     string(m.Body),
		"says":     says,
		"ts":       time.Now().UnixMilli(),
	}
	for k, v := range more {
		e[k] = v
	}
	print(e)
}
