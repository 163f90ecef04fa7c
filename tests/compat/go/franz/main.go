// The checks of the suite with franz-go; see ../../README.md.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/compat/checks"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var background = context.Background()

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

func newClient(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(checks.Address)}, options...)...)
	if err != nil {
		panic(err)
	}
	return client
}

func newAdmin() *kadm.Client { return kadm.NewClient(newClient()) }

func newTopic(partitions int32) string {
	name := checks.NewName()
	admin := newAdmin()
	defer admin.Close()
	if _, err := admin.CreateTopic(background, partitions, 1, nil, name); err != nil {
		panic(err)
	}
	err := checks.Until("topic "+name, func() bool {
		found, err := admin.ListTopics(background, name)
		return err == nil && len(found[name].Partitions) == int(partitions)
	})
	if err != nil {
		panic(err)
	}
	return name
}

func send(records []*kgo.Record, options ...kgo.Opt) error {
	client := newClient(append(options, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	defer client.Close()
	return client.ProduceSync(background, records...).FirstErr()
}

func read(topic string, count int) ([]*kgo.Record, error) {
	client := newClient(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	limited, cancel := context.WithTimeout(background, time.Minute)
	defer cancel()
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollFetches(limited)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("%d of %d records: %w", len(records), count, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

func compare(topic string, count int) error {
	records, err := read(topic, count)
	if err != nil {
		return err
	}
	for i, record := range records {
		if record.Offset != int64(i) || !bytes.Equal(record.Value, checks.Value(i)) {
			return fmt.Errorf("record %d is not what was sent", i)
		}
	}
	return nil
}

func values(count int, topic string) []*kgo.Record {
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Value: checks.Value(i)}
	}
	return records
}

func topics() error {
	topic := newTopic(3)
	admin := newAdmin()
	defer admin.Close()
	found, err := admin.ListTopics(background, topic)
	if err != nil || len(found[topic].Partitions) != 3 || found[topic].ID == (kadm.TopicID{}) {
		return fmt.Errorf("describe: %v %v", found[topic], err)
	}
	if _, err := admin.DeleteTopic(background, topic); err != nil {
		return err
	}
	return checks.Until("deleted", func() bool {
		all, err := admin.ListTopics(background)
		return err == nil && !all.Has(topic)
	})
}

func codecs() error {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		topic := newTopic(1)
		if err := send(values(1000, topic), kgo.ProducerBatchCompression(codec)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := compare(topic, 1000); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func records() error {
	topic := newTopic(1)
	headers := []kgo.RecordHeader{{Key: "type", Value: []byte("a")}, {Key: "type", Value: []byte("b")},
		{Key: "null"}, {Key: "empty", Value: []byte{}}}
	err := send([]*kgo.Record{
		{Topic: topic, Key: []byte("k"), Value: []byte("v"), Headers: headers},
		{Topic: topic, Value: []byte("v")}, {Topic: topic, Key: []byte("k")},
		{Topic: topic, Key: []byte{}, Value: []byte{}}})
	if err != nil {
		return err
	}
	got, err := read(topic, 4)
	if err != nil {
		return err
	}
	for i, header := range got[0].Headers {
		same := header.Key == headers[i].Key && bytes.Equal(header.Value, headers[i].Value)
		if !same || (header.Value == nil) != (headers[i].Value == nil) {
			return fmt.Errorf("header %d: %v", i, header)
		}
	}
	if len(got[0].Headers) != 4 || got[1].Key != nil || got[2].Value != nil {
		return errors.New("headers, null key or null value")
	}
	if got[3].Key == nil || got[3].Value == nil {
		return errors.New("empty became null")
	}
	return nil
}

func order() error {
	topic := newTopic(4)
	client := newClient()
	defer client.Close()
	for i := range 10_000 {
		client.Produce(background, &kgo.Record{Topic: topic, Key: []byte(fmt.Sprint("key", i%23)),
			Value: []byte(strconv.Itoa(i))}, nil)
	}
	if err := client.Flush(background); err != nil {
		return err
	}
	got, err := read(topic, 10_000)
	if err != nil {
		return err
	}
	last, home := map[string]int{}, map[string]int32{}
	for _, record := range got {
		key := string(record.Key)
		number, _ := strconv.Atoi(string(record.Value))
		if before, seen := last[key]; seen && before >= number || seen && home[key] != record.Partition {
			return fmt.Errorf("%s: %d after %d", key, number, before)
		}
		last[key], home[key] = number, record.Partition
	}
	return nil
}

func bulk() error {
	topic := newTopic(1)
	if err := send(values(100_000, topic)); err != nil {
		return err
	}
	return compare(topic, 100_000)
}

// member is a group member that polls in a goroutine and keeps what it got.
type member struct {
	client *kgo.Client
	mutex  sync.Mutex
	held   int
	values []int
}

func join(group, topic string, balancer kgo.GroupBalancer) *member {
	m := &member{}
	change := func(sign int) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			m.held += sign * len(parts[topic])
		}
	}
	m.client = newClient(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(balancer),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.OnPartitionsAssigned(change(1)), kgo.OnPartitionsRevoked(change(-1)),
		kgo.OnPartitionsLost(change(-1)), kgo.DisableAutoCommit())
	go func() {
		for !m.client.PollFetches(background).IsClientClosed() {
		}
	}()
	return m
}

func (m *member) holds() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.held
}

func group() error {
	for name, balancer := range map[string]kgo.GroupBalancer{
		"range": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		topic, id := newTopic(4), checks.NewName()
		first := join(id, topic, balancer)
		if err := checks.Until("first holds 4", func() bool { return first.holds() == 4 }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		second := join(id, topic, balancer)
		both := func() bool { return first.holds() == 2 && second.holds() == 2 }
		if err := checks.Until("2 and 2", both); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		second.client.Close()
		if err := checks.Until("first holds 4 again", func() bool { return first.holds() == 4 }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		first.client.Close()
	}
	return nil
}

func numbered(topic string, from, to int) []*kgo.Record {
	var records []*kgo.Record
	for i := from; i < to; i++ {
		records = append(records, &kgo.Record{Topic: topic, Partition: int32(i % 2),
			Value: []byte(strconv.Itoa(i))})
	}
	return records
}

func consumer(group, topic string) *kgo.Client {
	return newClient(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(500*time.Millisecond))
}

func poll(client *kgo.Client, into []int, count int) ([]int, error) {
	limited, cancel := context.WithTimeout(background, time.Minute)
	defer cancel()
	for len(into) < count {
		fetches := client.PollFetches(limited)
		if limited.Err() != nil {
			return into, fmt.Errorf("%d of %d records in a minute: %v", len(into), count, fetches.Err())
		}
		for _, record := range fetches.Records() {
			number, _ := strconv.Atoi(string(record.Value))
			into = append(into, number)
		}
	}
	return into, nil
}

func commit() error {
	topic, id := newTopic(2), checks.NewName()
	if err := send(numbered(topic, 0, 100)); err != nil {
		return err
	}
	client := consumer(id, topic)
	seen, err := poll(client, nil, 100)
	if err != nil {
		return err
	}
	if err := client.CommitUncommittedOffsets(background); err != nil {
		return err
	}
	client.Close()
	if err := send(numbered(topic, 100, 150)); err != nil {
		return err
	}
	client = consumer(id, topic)
	defer client.Close()
	if seen, err = poll(client, seen, 150); err != nil {
		return err
	}
	return checks.Numbers(seen, 150)
}

func survive(how string) error {
	topic, id := newTopic(2), checks.NewName()
	reader := consumer(id, topic)
	defer reader.Close()
	writer := newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer writer.Close()
	var problem error
	keep := func(_ *kgo.Record, err error) {
		if err != nil {
			problem = err
		}
	}
	var seen []int
	for i, record := range numbered(topic, 0, 10_000) {
		writer.Produce(background, record, keep)
		if i == 3000 {
			var err error
			if seen, err = poll(reader, seen, 100); err != nil {
				return err
			}
			if err = reader.CommitUncommittedOffsets(background); err != nil {
				return err
			}
		}
		if i == 5000 {
			if err := checks.Ask(how); err != nil {
				return err
			}
		}
	}
	if err := writer.Flush(background); err != nil || problem != nil {
		return fmt.Errorf("flush: %v, record: %v", err, problem)
	}
	seen, err := poll(reader, seen, 10_000)
	if err != nil {
		return err
	}
	if err := checks.Numbers(seen, 10_000); err != nil {
		return err
	}
	got, err := read(topic, 10_000)
	if err != nil {
		return err
	}
	next := []int{0, 1}
	for _, record := range got {
		if number, _ := strconv.Atoi(string(record.Value)); number != next[record.Partition] {
			return fmt.Errorf("%d where %d belongs", number, next[record.Partition])
		}
		next[record.Partition] += 2
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
	client := newClient(kgo.ProducerBatchMaxBytes(10_000_000), kgo.UnknownTopicRetries(1),
		kgo.RecordRetries(3), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	_, again := admin.CreateTopic(background, 1, 1, nil, topic)
	_, name := admin.CreateTopic(background, 1, 1, nil, "bad name")
	_, replicas := admin.CreateTopic(background, 1, 3, nil, checks.NewName())
	_, unknown := admin.DeleteTopic(background, checks.NewName())
	large := client.ProduceSync(background, &kgo.Record{Topic: topic,
		Value: []byte(strings.Repeat("x", 2_000_000))}).FirstErr()
	nowhere := client.ProduceSync(background,
		&kgo.Record{Topic: checks.NewName(), Value: []byte("x")}).FirstErr()
	return errors.Join(want("existing topic", again, kerr.TopicAlreadyExists),
		want("bad name", name, kerr.InvalidTopicException),
		want("replicas", replicas, kerr.InvalidReplicationFactor),
		want("delete", unknown, kerr.UnknownTopicOrPartition),
		want("large", large, kerr.MessageTooLarge),
		want("unknown topic", nowhere, kerr.UnknownTopicOrPartition))
}
