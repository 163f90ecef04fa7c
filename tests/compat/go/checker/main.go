// The clients of ../../../crash/checker.py with franz-go; ../../../crash/checker_worker.py says how it
// is told, and what it writes. Producers and readers; no members.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	inFlightMax = 2000
	session     = 4 // seconds of its rate for which a producer lasts
)

type part struct {
	topic  string
	number int32
}

func (p part) String() string { return fmt.Sprintf("%s-%d", p.topic, p.number) }

var (
	background         = context.Background()
	address, directory string
	parts              []part
	stop               atomic.Bool
	ends               atomic.Pointer[map[part]int64]
)

// now is CLOCK_MONOTONIC, which the other processes use too; Go's own is not to be had as a number.
func now() int64 {
	var time syscall.Timespec
	const monotonic = 1
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&time)), 0)
	return time.Nano()
}

func partOf(text string) part {
	dash := strings.LastIndexByte(text, '-')
	number, _ := strconv.Atoi(text[dash+1:])
	return part{text[:dash], int32(number)}
}

func listen() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		words := strings.Fields(input.Text())
		if len(words) > 0 && words[0] == "stop" {
			stop.Store(true)
		}
		if len(words) > 0 && words[0] == "ends" {
			told := map[part]int64{}
			for _, word := range words[1:] {
				equals := strings.LastIndexByte(word, '=')
				told[partOf(word[:equals])], _ = strconv.ParseInt(word[equals+1:], 10, 64)
			}
			ends.Store(&told)
		}
	}
	os.Exit(3)
}

type history struct {
	name  string
	mutex sync.Mutex
	file  *os.File
	out   *bufio.Writer
}

func newHistory(name string) *history {
	file, err := os.Create(filepath.Join(directory, name+".history"))
	if err != nil {
		os.Exit(4)
	}
	return &history{name: name, file: file, out: bufio.NewWriterSize(file, 1<<16)}
}

func (h *history) note(words ...any) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	fmt.Fprintln(h.out, words...)
}

func (h *history) close() {
	h.out.Flush()
	h.file.Close()
	fmt.Println("done", h.name)
}

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append(options, kgo.SeedBrokers(address),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }))...)
	if err != nil {
		panic(err)
	}
	return made
}

func codec(name string) kgo.CompressionCodec {
	return map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
		"zstd": kgo.ZstdCompression()}[name]
}

func produce(h *history, rate float64, compression string) {
	for number := 0; !stop.Load(); {
		number = produceFrom(h, rate, compression, number)
	}
}

// produceFrom is one producer, from this record on, and returns the number of the next.
func produceFrom(h *history, rate float64, compression string, number int) int {
	last := number + int(session*rate)
	writer := client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(codec(compression)), kgo.MaxBufferedRecords(inFlightMax),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordDeliveryTimeout(2*time.Minute))
	began, paced := time.Now(), 0
	for ; !stop.Load() && number < last; number++ {
		number := number // the callback's own
		to := parts[number/3%len(parts)]
		key := fmt.Sprintf("%s:%d", h.name, number)
		size := 20 + number*7919%400
		if number%701 == 700 {
			size = 30_000
		}
		value := append([]byte(key+":"), bytes.Repeat([]byte{byte('a' + number%26)}, size)...)
		h.note("send", number, to, fmt.Sprintf("%08x", crc32.ChecksumIEEE(value)), now())
		before := time.Now()
		writer.Produce(background, &kgo.Record{Topic: to.topic, Partition: to.number, Key: []byte(key),
			Value: value}, func(record *kgo.Record, err error) {
			if err != nil {
				h.note("fail", number, now(), err)
			} else {
				h.note("ack", number, part{record.Topic, record.Partition}, record.Offset, now())
			}
		})
		paced++
		if time.Since(before) > 50*time.Millisecond { // it was full: no catching up
			began, paced = time.Now(), 0
		}
		time.Sleep(time.Until(began.Add(time.Duration(float64(paced) / rate * 1e9))))
	}
	writer.Flush(background)
	writer.Close()
	return number
}

func read(h *history) {
	from, position := map[string]map[int32]kgo.Offset{}, map[part]int64{}
	for _, p := range parts {
		if from[p.topic] == nil {
			from[p.topic] = map[int32]kgo.Offset{}
		}
		from[p.topic][p.number] = kgo.NewOffset().At(0)
		position[p] = 0
		h.note("start", p, now())
	}
	reader := client(kgo.ConsumePartitions(from), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(50*time.Millisecond))
	defer reader.Close()
	for !atEnd(position) {
		limited, cancel := context.WithTimeout(background, 50*time.Millisecond)
		fetches := reader.PollFetches(limited)
		cancel()
		for _, failed := range fetches.Errors() {
			var lost *kgo.ErrDataLoss
			if errors.As(failed.Err, &lost) || errors.Is(failed.Err, kerr.OffsetOutOfRange) ||
				errors.Is(failed.Err, kerr.CorruptMessage) {
				h.note("problem", failed.Err)
				return
			}
		}
		fetches.EachRecord(func(record *kgo.Record) {
			p := part{record.Topic, record.Partition}
			position[p] = record.Offset + 1
			h.note("read", p, record.Offset, strings.ReplaceAll(string(record.Key), " ", "?"),
				fmt.Sprintf("%08x", crc32.ChecksumIEEE(record.Value)), now())
		})
	}
}

func atEnd(position map[part]int64) bool {
	told := ends.Load()
	if told == nil {
		return false
	}
	for p, end := range *told {
		if position[p] < end {
			return false
		}
	}
	return true
}

func main() {
	address, directory = os.Args[1], os.Args[2]
	for _, text := range strings.Split(os.Args[3], ",") {
		parts = append(parts, partOf(text))
	}
	go listen()
	var roles sync.WaitGroup
	for _, role := range os.Args[4:] {
		words := strings.Split(role, ":")
		roles.Go(func() {
			h := newHistory(words[1])
			defer h.close()
			if words[0] == "produce" {
				rate, _ := strconv.ParseFloat(words[2], 64)
				produce(h, rate, words[3])
			} else {
				read(h)
			}
		})
	}
	roles.Wait()
}
