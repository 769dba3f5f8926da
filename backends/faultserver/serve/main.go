// The command serve runs the fault server until it is interrupted, for trying clients by hand and for measuring them:
//
//	go run ./backends/faultserver/serve -addr 127.0.0.1:8000 -script faults.json -journal calls.jsonl
//
// A script is the JSON form of faultserver.Script: {"slots": 16, "latency": "50ms", "faults": [{"do": "status", "status":
// 429, "retry_after": "89s", "period": "2s"}]}. GET /counts tells what happened so far.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/go-json-experiment/json"

	"github.com/onset-eval/onset/backends/faultserver"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	addr := flag.String("addr", "127.0.0.1:8000", "where to listen; port 0 is a free one")
	script := flag.String("script", "", "a JSON file that says what goes wrong, and when")
	journal := flag.String("journal", "", "a file that is written one line of JSON a call")
	tls := flag.Bool("tls", false, "serve TLS, with a certificate that no authority vouches for")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := faultserver.Options{Addr: *addr, TLS: *tls}
	if *script != "" {
		if o.Script, err = faultserver.ReadScript(*script); err != nil {
			return err
		}
	}
	if *journal != "" {
		f, err := os.Create(*journal)
		if err != nil {
			return err
		}
		observe, flush := journalTo(f)
		o.Observe = observe
		defer func() { err = errors.Join(err, flush(), f.Close()) }()
	}
	s, err := faultserver.Start(o)
	if err != nil {
		return err
	}
	fmt.Println(s.URL())
	<-ctx.Done()
	counts, _ := json.Marshal(s.Counts(), json.Deterministic(true)) // numbers and names only
	fmt.Fprintf(os.Stderr, "%s\n", counts)
	return s.Close()
}

// journalTo writes events as lines, each at once, so that what a killed server knew is there.
func journalTo(f *os.File) (observe func(faultserver.Event), flush func() error) {
	var mu sync.Mutex
	w := bufio.NewWriter(f)
	observe = func(e faultserver.Event) {
		line, err := json.Marshal(e)
		if err != nil {
			panic(err) // a defect in Event
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = w.Write(append(line, '\n'))
		_ = w.Flush()
	}
	return observe, func() error {
		mu.Lock()
		defer mu.Unlock()
		return w.Flush()
	}
}
