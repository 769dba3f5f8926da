//go:build unix

package worker_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
)

func generate(prompt string) backends.Request {
	return backends.Request{Kind: backends.Generate, Prompt: prompt, Sampling: backends.Sampling{MaxTokens: 8}}
}

// open opens checkpoint n under the name m.
func open(t testing.TB, f *worker.Fleet, n int, args map[string]string) *worker.Model {
	t.Helper()
	if err := f.Add("m", checkpoint(n), args, worker.Where{Spread: true}); err != nil {
		t.Fatal(err)
	}
	m, err := f.Open(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// sayer keeps what it is told.
type sayer struct {
	mu   sync.Mutex
	said []string
}

func (s *sayer) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *sayer) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

func TestModelConformance(t *testing.T) {
	for _, devices := range []int{1, 2} {
		t.Run(fmt.Sprint(devices), func(t *testing.T) {
			backendtest.Run(t, func(t testing.TB) backends.Backend {
				f := newFleet(t, fakes(80<<10, 80<<10)[:devices], nil)
				return open(t, f, 3, nil)
			}, backendtest.Options{Prompts: []string{"3+4=", "abc ab", "12+7="}, Additive: true, OneModel: true, Tolerance: 1e-6})
		})
	}
}

// TestModelEqualsLocal sees that a model in a worker says of itself and answers what it does in this process.
func TestModelEqualsLocal(t *testing.T) {
	dir := checkpoint(2)
	here, err := local.Open(t.Context(), dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = here.Close() })
	there := open(t, newFleet(t, fakes(80<<10), nil), 2, nil)
	a, b := here.Info(), there.Info()
	for key, want := range map[string]string{"device": "Fake H100, sm_90", "driver": "13.0", "products": "ptx"} {
		if b.Details[key] != want {
			t.Errorf("%s is %q, want %q", key, b.Details[key], want)
		}
		delete(b.Details, key)
	}
	a.Parallel, b.Parallel = 0, 0
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	for _, req := range []backends.Request{
		generate("3+4="),
		{Kind: backends.Generate, Prompt: "ab", Draw: 3, Sampling: backends.Sampling{MaxTokens: 12, Temperature: 1.2, TopP: 0.9, Seed: 7, Stop: []string{"\n"}}},
		{Kind: backends.LogLikelihood, Prompt: "3+4=", Continuations: []string{"7", "8", "12"}},
		{Kind: backends.LogLikelihoodRolling, Prompt: "3+4=7"},
	} {
		x, err1 := here.Do(t.Context(), req)
		y, err2 := there.Do(t.Context(), req)
		x.Latency, y.Latency, x.Attempts, y.Attempts = 0, 0, 0, 0
		if diff := cmp.Diff(x, y); diff != "" || err1 != nil || err2 != nil {
			t.Errorf("%+v: %v, %v\n%s", req, err1, err2, diff)
		}
	}
}

// TestWorkerFails sees what becomes of requests when a worker ends, hangs or breaks the protocol, and that the next request
// is answered by a new one.
func TestWorkerFails(t *testing.T) {
	t.Setenv("FAKE_API_KEY", "canary-0123456789")
	for _, c := range []struct {
		prompt string
		kind   backends.ErrorKind
		want   string
	}{
		{"crash now", backends.KindServer, "exit status 11"},
		{"crash now", backends.KindServer, "Xid 31: MMU fault, with [FAKE_API_KEY]"},
		{"lost now", backends.KindServer, "CUDA_ERROR_ILLEGAL_ADDRESS"},
		{"garbage now", backends.KindNetwork, "breaks the protocol"},
		{"hang now", backends.KindTimeout, "silent for 300ms"},
	} {
		t.Run(c.prompt, func(t *testing.T) {
			var heard sayer
			f := newFleet(t, fakes(80<<10), func(o *worker.Options) { o.Say = heard.say })
			m := open(t, f, 0, map[string]string{"silence_timeout": "300ms"})
			_, err := m.Do(t.Context(), generate(c.prompt))
			if backends.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "ask GPU worker") || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v, want one of kind %s with %q", err, c.kind, c.want)
			}
			retried := backends.Retry(m, backends.RetryOptions{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond})
			if resp, err := retried.Do(t.Context(), generate("3+4=")); err != nil || resp.Text == "" {
				t.Errorf("afterwards it answers %+v, %v", resp, err)
			}
			if text := heard.text(); !strings.Contains(text, "the GPU worker on cuda:0: ") || !strings.Contains(text, "starting it again") || strings.Contains(text, "canary") {
				t.Errorf("it said %q", text)
			}
		})
	}
}

// TestCrashIsRetried sees that requests in flight at a crash are asked again and all answered.
func TestCrashIsRetried(t *testing.T) {
	m := open(t, newFleet(t, fakes(80<<10), nil), 1, nil)
	retried := backends.Retry(m, backends.RetryOptions{MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond})
	once := filepath.Join(t.TempDir(), "crashed")
	group := pool.New().WithErrors()
	var mu sync.Mutex
	again := 0
	for i := range 60 {
		prompt := "slow " + strconv.Itoa(i)
		if i == 20 {
			prompt = "once " + once
		}
		group.Go(func() error {
			resp, err := retried.Do(t.Context(), generate(prompt))
			mu.Lock()
			defer mu.Unlock()
			if resp.Attempts > 1 {
				again++
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(once); err != nil || again == 0 {
		t.Errorf("%d requests were asked again; the crash: %v", again, err)
	}
}

// TestPoison sees that a request that ends every worker it is given to is the only one that fails: the requests that were in
// hand with it are asked again apart from it.
func TestPoison(t *testing.T) {
	for _, devices := range []int{1, 2} {
		m := open(t, newFleet(t, fakes(80<<10, 80<<10)[:devices], nil), 1, nil)
		retried := backends.Retry(m, backends.RetryOptions{MaxAttempts: 6, MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond})
		group := pool.New()
		var mu sync.Mutex
		failed := make(map[string]error)
		for i := range 300 {
			prompt := "slow " + strconv.Itoa(i)
			if i == 100 {
				prompt = "crash always"
			}
			group.Go(func() {
				if _, err := retried.Do(t.Context(), generate(prompt)); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed[prompt] = err
				}
			})
		}
		group.Wait()
		if len(failed) != 1 || backends.KindOf(failed["crash always"]) != backends.KindServer {
			t.Errorf("%d GPUs: failed are %v", devices, failed)
		}
	}
}

// TestKillIsRetried kills a worker with -9 under load.
func TestKillIsRetried(t *testing.T) {
	m := open(t, newFleet(t, fakes(80<<10, 80<<10), nil), 1, nil)
	retried := backends.Retry(m, backends.RetryOptions{MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond})
	resp, err := m.Do(t.Context(), generate("pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(resp.Text)
	if err != nil {
		t.Fatal(err)
	}
	group := pool.New().WithErrors()
	for i := range 80 {
		group.Go(func() error {
			_, err := retried.Do(t.Context(), generate("slow "+strconv.Itoa(i)))
			return err
		})
	}
	time.Sleep(150 * time.Millisecond)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestCrashLoop sees that a worker that ends again and again is given up, with what it last wrote and what to do, and that
// where another GPU has the model it goes on there.
func TestCrashLoop(t *testing.T) {
	t.Setenv("FAKE_API_KEY", "canary-0123456789")
	f := newFleet(t, fakes(80<<10), nil)
	m := open(t, f, 0, map[string]string{"restarts": "2"})
	retried := backends.Retry(m, backends.RetryOptions{MaxAttempts: 20, MinWait: time.Millisecond, MaxWait: time.Millisecond})
	_, err := retried.Do(t.Context(), generate("crash now"))
	var h interface{ Hint() string }
	if backends.KindOf(err) != backends.KindClosed || !strings.Contains(err.Error(), "it failed 3 times") || !strings.Contains(err.Error(), "Xid 31") ||
		strings.Contains(err.Error(), "canary") || !errors.As(err, &h) || !strings.Contains(h.Hint(), "--device cpu") {
		t.Errorf("the error is %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := f.Open(t.Context(), "m"); err != nil { // a new worker, not the one that was given up
		t.Error(err)
	} else {
		if _, err := again.Do(t.Context(), generate("3+4=")); err != nil {
			t.Error(err)
		}
		_ = again.Close()
	}

	var heard sayer
	f = newFleet(t, fakes(80<<10, 80<<10), func(o *worker.Options) { o.Say = heard.say })
	m = open(t, f, 0, map[string]string{"restarts": "1"})
	retried = backends.Retry(m, backends.RetryOptions{MaxAttempts: 20, MinWait: time.Millisecond, MaxWait: time.Millisecond})
	for i := range 8 {
		if _, err := retried.Do(t.Context(), generate("crash1 "+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(heard.text(), "cuda:1 is given up, and m goes on with 1 of 2 GPUs") {
		t.Errorf("it said %q", heard.text())
	}
}

// TestRefused sees that a worker's own word on why it cannot open a model comes through, with its hint.
func TestRefused(t *testing.T) {
	f := newFleet(t, fakes(80<<10), nil)
	if err := f.Add("m", checkpoint(0), map[string]string{"compute": "f16"}, worker.Where{Spread: true}); err != nil {
		t.Fatal(err)
	}
	_, err := f.Open(t.Context(), "m")
	var h interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "no f16 today") || !errors.As(err, &h) || h.Hint() != "take bf16" {
		t.Errorf("the error is %v", err)
	}
	var none *worker.NoRoomError
	f = newFleet(t, fakes(1), nil)
	if err := f.Add("m", checkpoint(7), nil, worker.Where{Spread: true}); !errors.As(err, &none) || !strings.Contains(err.Error(), "the most that is free is") {
		t.Errorf("a card of 1 MiB: %v", err)
	}
	if err := f.Add("m", checkpoint(7), map[string]string{"copmute": "f32"}, worker.Where{Spread: true}); err == nil || !strings.Contains(err.Error(), "copmute") {
		t.Errorf("a misspelt argument: %v", err)
	}
}

// TestSpread sees that requests of a model on two GPUs go to both, and those of one prompt to the same.
func TestSpread(t *testing.T) {
	m := open(t, newFleet(t, fakes(80<<10, 80<<10), nil), 0, nil)
	if m.Info().Parallel != 16 {
		t.Errorf("%d requests are worth having in flight", m.Info().Parallel)
	}
	count := make(map[string]int)
	for i := range 200 {
		prompt := "where " + strconv.Itoa(i)
		first, err := m.Do(t.Context(), generate(prompt))
		if err != nil {
			t.Fatal(err)
		}
		second, err := m.Do(t.Context(), generate(prompt))
		if err != nil || first.Text != second.Text {
			t.Fatalf("%s: on %s, then on %s, %v", prompt, first.Text, second.Text, err)
		}
		count[first.Text]++
	}
	if count["0"] < 60 || count["1"] < 60 {
		t.Errorf("requests on each: %v", count)
	}
}

// TestUnlikeGPUs sees that a model is not spread over cards that give other bits.
func TestUnlikeGPUs(t *testing.T) {
	devices := fakes(80<<10, 80<<10)
	devices[1].Name = "Fake A100"
	m := open(t, newFleet(t, devices, nil), 0, nil)
	for i := range 50 {
		if resp, err := m.Do(t.Context(), generate("where "+strconv.Itoa(i))); err != nil || resp.Text != "0" {
			t.Fatalf("%+v, %v", resp, err)
		}
	}
}

// TestLadderOnGPUs plays a run of a ladder: each model described, then asked when Next says so, the largest first, several
// at once, none on a GPU that another is on.
func TestLadderOnGPUs(t *testing.T) {
	var log bytes.Buffer
	f := newFleet(t, fakes(80<<10, 80<<10), func(o *worker.Options) { o.Log = &log })
	var names []string
	for i := range 5 {
		name := fmt.Sprintf("s%d", i)
		if err := f.Add(name, checkpoint(i), nil, worker.Where{Spread: true}); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if _, err := f.Describe(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	type result struct {
		name, on string
		err      error
	}
	done := make(chan result)
	var order []string
	waiting, running := slices.Clone(names), []string(nil)
	group := pool.New()
	used := make(map[string]string) // GPU to model
	for len(waiting)+len(running) > 0 {
		started := f.Next(waiting, running)
		if len(started) == 0 && len(running) == 0 {
			t.Fatal("nothing runs, and nothing is started")
		}
		for _, name := range started {
			waiting = slices.DeleteFunc(waiting, func(w string) bool { return w == name })
			running = append(running, name)
			order = append(order, name)
			group.Go(func() {
				m, err := f.Open(t.Context(), name)
				if err != nil {
					done <- result{name: name, err: err}
					return
				}
				resp, err := m.Do(t.Context(), generate("where "+name))
				done <- result{name, resp.Text, errors.Join(err, m.Close())}
			})
		}
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		used[r.on] += r.name + " "
		running = slices.DeleteFunc(running, func(w string) bool { return w == r.name })
	}
	group.Wait()
	if order[0] != "s4" || order[1] != "s3" {
		t.Errorf("the order is %v", order)
	}
	if len(used) != 2 {
		t.Errorf("the GPUs had %v", used)
	}
}

// TestWarm sees that a worker that described a model answers for it, and is not started twice.
func TestWarm(t *testing.T) {
	var log bytes.Buffer
	f := newFleet(t, fakes(80<<10), func(o *worker.Options) { o.Log = &log })
	if err := f.Add("m", checkpoint(0), nil, worker.Where{Spread: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Describe(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	if started := f.Next([]string{"m", "elsewhere"}, nil); len(started) != 1 {
		t.Fatalf("started %v", started)
	}
	m, err := f.Open(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Do(t.Context(), generate("3+4=")); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Do(t.Context(), generate("3+4=")); backends.KindOf(err) != backends.KindClosed {
		t.Errorf("a closed model answers %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "worker "); n != 1 {
		t.Errorf("%d workers were started:\n%s", n, log.String())
	}
}

// TestNoOrphans kills an onset with -9 and sees that its worker ends.
func TestNoOrphans(t *testing.T) {
	cmd := exec.Command(os.Args[0], "fake=onset", checkpoint(0))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || syscall.Kill(pid, 0) != nil {
		t.Fatalf("the worker is %q", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("worker %d is still there", pid)
}

// TestCancelStart sees that a start that is given up ends the worker and frees the GPU.
func TestCancelStart(t *testing.T) {
	f := newFleet(t, fakes(80<<10), nil)
	for i := range 2 {
		if err := f.Add(fmt.Sprint(i), checkpoint(i), nil, worker.Where{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Open(ctx, "0"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	m, err := f.Open(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	waits, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := f.Open(waits, "0"); !errors.Is(err, context.DeadlineExceeded) { // the GPU is taken
		t.Errorf("the error is %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
