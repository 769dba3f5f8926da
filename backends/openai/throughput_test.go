package openai_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/openai"
)

// benchServer names the environment variable that makes the test binary the server of the benchmark.
const benchServer = "ONSET_BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveBytes()
		return
	}
	os.Exit(m.Run())
}

// benchAnswer is a usual answer of chat.
const benchAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":1795764090,"model":"m","choices":[{"index":0,"message":{"role":"assistant",` +
	`"content":"The train needs 3 hours for the first part and 2 hours for the second, so it arrives at 5 in the afternoon. The answer is 5.","refusal":null},` +
	`"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":812,"completion_tokens":37,"total_tokens":849,` +
	`"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"system_fingerprint":"fp_1"}`

// serveBytes is a server that reads requests and writes one answer, with as little work as can be, so that the client is what
// is measured. It uses one processor and ends with its standard input.
func serveBytes() {
	runtime.GOMAXPROCS(1)
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Ratelimit-Limit-Requests: 10000\r\nX-Ratelimit-Remaining-Requests: 9999\r\n" +
		"X-Ratelimit-Reset-Requests: 6ms\r\nContent-Length: " + strconv.Itoa(len(benchAnswer)) + "\r\n\r\n" + benchAnswer)
	missing := []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			r := bufio.NewReaderSize(conn, 16<<10)
			for {
				length, get, err := skipHeader(r)
				if err != nil {
					return
				}
				if _, err := r.Discard(length); err != nil {
					return
				}
				out := answer
				if get {
					out = missing
				}
				if _, err := conn.Write(out); err != nil {
					return
				}
			}
		}()
	}
}

func skipHeader(r *bufio.Reader) (length int, get bool, err error) {
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, get, err
		}
		if first {
			get = bytes.HasPrefix(line, []byte("GET"))
		}
		if len(line) <= 2 {
			return length, get, nil
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return 0, get, err
			}
		}
	}
}

// startBytes starts the server in a process of its own.
func startBytes(t testing.TB) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + strings.TrimSpace(line)
}

// benchRequest is a five-shot question, of 3 KB.
func benchRequest() backends.Request {
	return backends.Request{
		Kind: backends.Generate, Sampling: backends.Sampling{MaxTokens: 256, Stop: []string{"\n\n", "Question:"}},
		Messages: []backends.Message{
			{Role: "system", Content: "Answer the question. Think step by step."},
			{Role: "user", Content: strings.Repeat("Question: a train leaves at noon and goes 60 miles an hour for 3 hours, then \"slowly\" on.\nAnswer: it arrives.\n", 27)},
		},
	}
}

const connections = 64

// crowd does n calls from 64 goroutines and gives the time they took.
func crowd(t testing.TB, n int, call func() error) time.Duration {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	begun := time.Now()
	for range connections {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

// bare is a loop over net/http that sends the same bytes and decodes nothing.
func bare(t testing.TB, url string, body []byte) func() error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections}}
	t.Cleanup(client.CloseIdleConnections)
	return func() error {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+"/v1/chat/completions", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer sk-test-test")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return errors.Join(err, resp.Body.Close())
	}
}

func ours(t testing.TB, url string) func() error {
	b := open(t, url, map[string]string{"server": "ollama"}, openai.Options{Getenv: env("OPENAI_API_KEY", "sk-test-test")})
	req := benchRequest()
	return func() error {
		resp, err := b.Do(context.Background(), req)
		if err == nil && (resp.Usage.CompletionTokens != 37 || resp.Signals == nil || resp.Signals.RequestsRemaining != 9999) {
			err = fmt.Errorf("%+v", resp)
		}
		return err
	}
}

// BenchmarkThroughput measures a client on one processor with 64 connections, against a server in a process of its own: our
// backend, which writes and reads JSON, a bare loop that does neither, and the ratio of the two over turns: of-bare by the
// clock, of-bare-cpu by the processor time of this process, which says the same on a quiet machine and is all that counts on
// one that others use.
func BenchmarkThroughput(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	url := startBytes(b)
	body := benchBody(b)
	measure := func(name string, call func() error) {
		b.Run(name, func(b *testing.B) {
			crowd(b, 2000, call)
			b.ReportAllocs()
			b.ResetTimer()
			used := cpuTime()
			d := crowd(b, b.N, call)
			b.ReportMetric(float64(b.N)/d.Seconds(), "req/s")
			b.ReportMetric(float64((cpuTime()-used).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
	our, their := ours(b, url), bare(b, url, body)
	measure("onset", our)
	measure("bare", their)
	b.Run("ratio", func(b *testing.B) {
		var clock, cpu [2]time.Duration
		turn := func(i int, call func() error) {
			used := cpuTime()
			clock[i] += crowd(b, 1000, call)
			cpu[i] += cpuTime() - used
		}
		for done := 0; done < b.N; done += 2000 { // in turns, since the machine's own speed wanders
			turn(0, their)
			turn(1, our)
		}
		b.ReportMetric(float64(clock[0])/float64(clock[1]), "of-bare")
		b.ReportMetric(float64(cpu[0])/float64(cpu[1]), "of-bare-cpu")
	})
}

// benchBody is the body that our backend sends for benchRequest, as another server saw it.
func benchBody(t testing.TB) []byte {
	t.Helper()
	var body []byte
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, benchAnswer)
	})}
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Close() }()
	if err := ours(t, "http://"+l.Addr().String())(); err != nil && len(body) == 0 {
		t.Fatal(err)
	}
	return body
}

// TestMemory sees that memory does not grow with the number of requests: 20,000, or as many as ONSET_REQUESTS says.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a second or two")
	}
	n := 20_000
	if v, err := strconv.Atoi(os.Getenv("ONSET_REQUESTS")); err == nil {
		n = v
	}
	call := ours(t, startBytes(t))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	crowd(t, 2000, call)
	before, goroutines := heap(), runtime.NumGoroutine()
	took := crowd(t, n, call)
	after := heap()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d requests in %v: %d KiB of heap before, %d KiB after, %d MiB from the system", n, took, before>>10, after>>10, m.Sys>>20)
	if after > before+4<<20 || m.Sys > 256<<20 {
		t.Errorf("the heap grew from %d to %d bytes, %d from the system", before, after, m.Sys)
	}
	if now := runtime.NumGoroutine(); now > goroutines+2*connections {
		t.Errorf("%d goroutines, %d before", now, goroutines)
	}
}
