// Package checks is what the Go programs of the suite share: the conversation with the driver and
// the records. See ../../README.md for the protocol.
package checks

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

// Check is one row of the table.
type Check struct {
	Name string
	Run  func() error
}

// Address of the broker and prefix of every name, from the command line.
var Address, Prefix string

var (
	input = bufio.NewReader(os.Stdin)
	names int
)

// Main runs the checks that the command line asks for, or all.
func Main(checks []Check) {
	for _, check := range checks {
		if !wanted(check.Name) {
			continue
		}
		if err := guard(check.Run); err != nil {
			fmt.Printf("fail %s %s\n", check.Name, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Printf("ok %s\n", check.Name)
		}
	}
}

func init() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: PROGRAM ADDRESS PREFIX [CHECK...]")
		os.Exit(2)
	}
	Address, Prefix = os.Args[1], os.Args[2]
}

func wanted(name string) bool {
	for _, only := range os.Args[3:] {
		if only == name {
			return true
		}
	}
	return len(os.Args) == 3
}

func guard(run func() error) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("panic: %v", problem)
		}
	}()
	return run()
}

// Ask makes the driver restart or kill the broker, and waits until it is up again.
func Ask(what string) error {
	fmt.Println(what)
	line, err := input.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "up" {
		return fmt.Errorf("the broker did not come back: %q %v", line, err)
	}
	return nil
}

// NewName is a topic or group name that nobody else uses.
func NewName() string {
	names++
	return fmt.Sprintf("%s-%d", Prefix, names)
}

// Value is what record `number` carries.
func Value(number int) []byte {
	bytes := []byte(fmt.Sprintf("%d:", number))
	head := len(bytes)
	for i := head; i < head+number%200; i++ {
		bytes = append(bytes, byte(number+i))
	}
	return bytes
}

// Until waits for a condition, a minute at most.
func Until(what string, condition func() bool) error {
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within a minute: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// Numbers fails unless `numbers` are 0..count-1, each once.
func Numbers(numbers []int, count int) error {
	seen := make(map[int]bool, count)
	for _, number := range numbers {
		seen[number] = true
	}
	if len(numbers) != count || len(seen) != count {
		return fmt.Errorf("%d records, %d different, not %d", len(numbers), len(seen), count)
	}
	return nil
}
