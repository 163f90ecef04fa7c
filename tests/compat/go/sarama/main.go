// The checks of the suite with IBM's sarama; see ../../README.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"sluice/compat/checks"

	"github.com/IBM/sarama"
)

func main() {
	checks.Main([]checks.Check{
		{Name: "topics", Run: topics}, {Name: "codecs", Run: codecs}, {Name: "records", Run: records},
		{Name: "order", Run: order}, {Name: "bulk", Run: bulk}, {Name: "group", Run: group},
		{Name: "commit", Run: commit},
		{Name: "restart", Run: func() error { return survive("restart") }},
		{Name: "kill", Run: func() error { return survive("kill") }},
		{Name: "errors", Run: badInput},
	})
}

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Metadata.Retry.Backoff = 100 * time.Millisecond
	config.Metadata.Retry.Max = 300 // a restart takes a while
	return config
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func newAdmin() sarama.ClusterAdmin {
	return must(sarama.NewClusterAdmin([]string{checks.Address}, config()))
}

func newTopic(partitions int32) string {
	name := checks.NewName()
	admin := newAdmin()
	defer admin.Close()
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}
	if err := admin.CreateTopic(name, detail, false); err != nil {
		panic(err)
	}
	err := checks.Until("topic "+name, func() bool {
		found, err := admin.DescribeTopics([]string{name})
		return err == nil && len(found[0].Partitions) == int(partitions)
	})
	if err != nil {
		panic(err)
	}
	return name
}

func send(config *sarama.Config, messages []*sarama.ProducerMessage) error {
	producer := must(sarama.NewSyncProducer([]string{checks.Address}, config))
	defer producer.Close()
	return producer.SendMessages(messages)
}

// read returns `count` messages of each of the first `partitions` partitions together.
func read(topic string, partitions int32, count int) ([]*sarama.ConsumerMessage, error) {
	consumer := must(sarama.NewConsumer([]string{checks.Address}, config()))
	defer consumer.Close()
	var messages []*sarama.ConsumerMessage
	for partition := range partitions {
		client := must(sarama.NewClient([]string{checks.Address}, config()))
		end := must(client.GetOffset(topic, partition, sarama.OffsetNewest))
		client.Close()
		if end == 0 {
			continue
		}
		part := must(consumer.ConsumePartition(topic, partition, sarama.OffsetOldest))
		for {
			select {
			case message := <-part.Messages():
				messages = append(messages, message)
			case <-time.After(30 * time.Second):
				return nil, fmt.Errorf("%d records, nothing more in 30 s", len(messages))
			}
			if messages[len(messages)-1].Offset == end-1 {
				break
			}
		}
		part.Close()
	}
	if len(messages) != count {
		return nil, fmt.Errorf("%d records, not %d", len(messages), count)
	}
	return messages, nil
}

func compare(topic string, count int) error {
	messages, err := read(topic, 1, count)
	if err != nil {
		return err
	}
	for i, message := range messages {
		if message.Offset != int64(i) || !bytes.Equal(message.Value, checks.Value(i)) {
			return fmt.Errorf("record %d is not what was sent", i)
		}
	}
	return nil
}

func values(topic string, count int) []*sarama.ProducerMessage {
	messages := make([]*sarama.ProducerMessage, count)
	for i := range messages {
		messages[i] = &sarama.ProducerMessage{Topic: topic, Value: sarama.ByteEncoder(checks.Value(i))}
	}
	return messages
}

func topics() error {
	topic := newTopic(3)
	admin := newAdmin()
	defer admin.Close()
	found, err := admin.DescribeTopics([]string{topic})
	if err != nil || len(found[0].Partitions) != 3 || found[0].Err != sarama.ErrNoError {
		return fmt.Errorf("describe: %v %v", found, err)
	}
	if err := admin.DeleteTopic(topic); err != nil {
		return err
	}
	return checks.Until("deleted", func() bool {
		all, err := admin.ListTopics()
		_, there := all[topic]
		return err == nil && !there
	})
}

func codecs() error {
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP,
		sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD} {
		topic := newTopic(1)
		settings := config()
		settings.Producer.Compression = codec
		if err := send(settings, values(topic, 1000)); err != nil {
			return fmt.Errorf("%v: %w", codec, err)
		}
		if err := compare(topic, 1000); err != nil {
			return fmt.Errorf("%v: %w", codec, err)
		}
	}
	return nil
}

func records() error {
	topic := newTopic(1)
	headers := []sarama.RecordHeader{{Key: []byte("type"), Value: []byte("a")},
		{Key: []byte("type"), Value: []byte("b")}, {Key: []byte("null")}}
	err := send(config(), []*sarama.ProducerMessage{
		{Topic: topic, Key: sarama.StringEncoder("k"), Value: sarama.StringEncoder("v"), Headers: headers},
		{Topic: topic, Value: sarama.StringEncoder("v")}, {Topic: topic, Key: sarama.StringEncoder("k")},
		{Topic: topic, Key: sarama.StringEncoder(""), Value: sarama.StringEncoder("")}})
	if err != nil {
		return err
	}
	got, err := read(topic, 1, 4)
	if err != nil {
		return err
	}
	for i, header := range got[0].Headers {
		if !bytes.Equal(header.Key, headers[i].Key) || !bytes.Equal(header.Value, headers[i].Value) {
			return fmt.Errorf("header %d: %v", i, header)
		}
	}
	if len(got[0].Headers) != 3 || got[1].Key != nil || got[2].Value != nil || got[3].Key == nil {
		return errors.New("headers, null or empty")
	}
	return nil
}

func order() error {
	topic := newTopic(4)
	settings := config()
	settings.Producer.Partitioner = sarama.NewHashPartitioner
	var messages []*sarama.ProducerMessage
	for i := range 10_000 {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic,
			Key: sarama.StringEncoder(fmt.Sprint("key", i%23)), Value: sarama.StringEncoder(strconv.Itoa(i))})
	}
	if err := send(settings, messages); err != nil {
		return err
	}
	got, err := read(topic, 4, 10_000)
	if err != nil {
		return err
	}
	last := map[string]int{}
	for _, message := range got {
		key, number := string(message.Key), must(strconv.Atoi(string(message.Value)))
		if before, seen := last[key]; seen && before >= number {
			return fmt.Errorf("%s: %d after %d", key, number, before)
		}
		last[key] = number
	}
	return nil
}

func bulk() error {
	topic := newTopic(1)
	if err := send(config(), values(topic, 100_000)); err != nil {
		return err
	}
	return compare(topic, 100_000)
}

// member is a group member; it implements sarama.ConsumerGroupHandler.
type member struct {
	group  sarama.ConsumerGroup
	cancel context.CancelFunc
	done   chan struct{}
	commit bool
	mutex  sync.Mutex
	held   int
	values []int
}

func join(id, topic string, commit bool, strategy sarama.BalanceStrategy) *member {
	settings := config()
	settings.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy}
	running, cancel := context.WithCancel(context.Background())
	m := &member{group: must(sarama.NewConsumerGroup([]string{checks.Address}, id, settings)),
		cancel: cancel, done: make(chan struct{}), commit: commit}
	go func() {
		defer close(m.done)
		for running.Err() == nil {
			if err := m.group.Consume(running, []string{topic}, m); err != nil {
				time.Sleep(50 * time.Millisecond)
			}
		}
		m.group.Close()
	}()
	return m
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.held = 0
	for _, parts := range session.Claims() {
		m.held += len(parts)
	}
	return nil
}

func (m *member) Cleanup(session sarama.ConsumerGroupSession) error {
	if m.commit {
		session.Commit()
	}
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		number, _ := strconv.Atoi(string(message.Value))
		m.mutex.Lock()
		m.values = append(m.values, number)
		m.mutex.Unlock()
		session.MarkMessage(message, "")
	}
	return nil
}

func (m *member) count() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return len(m.values)
}

func (m *member) holds() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.held
}

func (m *member) leave() {
	m.cancel()
	<-m.done
}

func group() error {
	for _, strategy := range []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange(),
		sarama.NewBalanceStrategySticky()} {
		topic, id := newTopic(4), checks.NewName()
		first := join(id, topic, true, strategy)
		if err := checks.Until("first holds 4", func() bool { return first.holds() == 4 }); err != nil {
			return err
		}
		second := join(id, topic, true, strategy)
		both := func() bool { return first.holds() == 2 && second.holds() == 2 }
		if err := checks.Until("2 and 2", both); err != nil {
			return err
		}
		if err := send(config(), numbered(topic, 4, 0, 400)); err != nil {
			return err
		}
		all := func() bool { return first.count()+second.count() >= 400 }
		if err := checks.Until("all 400", all); err != nil {
			return err
		}
		second.leave()
		if err := checks.Until("first holds 4 again", func() bool { return first.holds() == 4 }); err != nil {
			return err
		}
		first.leave()
		if err := checks.Numbers(append(first.values, second.values...), 400); err != nil {
			return err
		}
	}
	return nil
}

func numbered(topic string, partitions, from, to int) []*sarama.ProducerMessage {
	var messages []*sarama.ProducerMessage
	for i := from; i < to; i++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Partition: int32(i % partitions),
			Value: sarama.StringEncoder(strconv.Itoa(i))})
	}
	return messages
}

func commit() error {
	topic, id := newTopic(2), checks.NewName()
	var seen []int
	for _, until := range []int{100, 150} {
		if err := send(config(), numbered(topic, 2, len(seen), until)); err != nil {
			return err
		}
		m := join(id, topic, true, sarama.NewBalanceStrategyRange())
		want := until - len(seen)
		if err := checks.Until("records", func() bool { return m.count() >= want }); err != nil {
			return err
		}
		m.leave()
		seen = append(seen, m.values...)
	}
	return checks.Numbers(seen, 150)
}

func survive(how string) error {
	topic, id := newTopic(2), checks.NewName()
	settings := config()
	settings.Producer.Idempotent = true
	settings.Net.MaxOpenRequests = 1
	settings.Producer.Retry.Max = 1000
	settings.Producer.Retry.Backoff = 50 * time.Millisecond
	producer := must(sarama.NewAsyncProducer([]string{checks.Address}, settings))
	var refused error
	acknowledged := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for acknowledged < 10_000 && refused == nil {
			select {
			case <-producer.Successes():
				acknowledged++
			case err := <-producer.Errors():
				refused = err
			}
		}
	}()
	for i, message := range numbered(topic, 2, 0, 10_000) {
		select {
		case producer.Input() <- message:
		case <-done:
			return fmt.Errorf("record %d: %v", i, refused)
		}
		if i == 5000 {
			if err := checks.Ask(how); err != nil {
				return err
			}
		}
	}
	<-done
	producer.AsyncClose()
	if refused != nil {
		return refused
	}
	m := join(id, topic, true, sarama.NewBalanceStrategyRange())
	if err := checks.Until("all records", func() bool { return m.count() >= 10_000 }); err != nil {
		return err
	}
	m.leave()
	if err := checks.Numbers(m.values, 10_000); err != nil {
		return err
	}
	got, err := read(topic, 2, 10_000)
	if err != nil {
		return err
	}
	next := []int{0, 1}
	for _, message := range got {
		if number, _ := strconv.Atoi(string(message.Value)); number != next[message.Partition] {
			return fmt.Errorf("%d where %d belongs", number, next[message.Partition])
		}
		next[message.Partition] += 2
	}
	return nil
}

func want(what string, got, expected error) error {
	if !errors.Is(got, expected) {
		return fmt.Errorf("%s: answered %v, not %v", what, got, expected)
	}
	return nil
}

func badInput() error {
	topic := newTopic(1)
	admin := newAdmin()
	defer admin.Close()
	one := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}
	three := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3}
	settings := config()
	settings.Producer.MaxMessageBytes = 10_000_000
	settings.Metadata.AllowAutoTopicCreation = false
	settings.Metadata.Retry.Max = 1
	large := send(settings, []*sarama.ProducerMessage{
		{Topic: topic, Value: sarama.ByteEncoder(make([]byte, 2_000_000))}})
	nowhere := send(settings, []*sarama.ProducerMessage{
		{Topic: checks.NewName(), Value: sarama.ByteEncoder("x")}})
	return errors.Join(
		want("existing topic", admin.CreateTopic(topic, one, false), sarama.ErrTopicAlreadyExists),
		want("bad name", admin.CreateTopic("bad name", one, false), sarama.ErrInvalidTopic),
		want("replicas", admin.CreateTopic(checks.NewName(), three, false), sarama.ErrInvalidReplicationFactor),
		want("delete", admin.DeleteTopic(checks.NewName()), sarama.ErrUnknownTopicOrPartition),
		want("large", first(large), sarama.ErrMessageSizeTooLarge),
		want("unknown topic", first(nowhere), sarama.ErrUnknownTopicOrPartition))
}

// first is the error of the first refused message.
func first(err error) error {
	var refused sarama.ProducerErrors
	if errors.As(err, &refused) && len(refused) > 0 {
		return refused[0].Err
	}
	return err
}
