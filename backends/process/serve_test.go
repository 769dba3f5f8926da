//go:build unix

package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/scripted"
)

// servedPlugin is a plug-in by Serve; its arguments change what it does.
func servedPlugin(args []string) int {
	has := func(word string) bool { return strings.Contains(strings.Join(args, " "), word) }
	err := Serve(context.Background(), os.Stdin, os.Stdout, ServeOptions{
		Open: func(_ context.Context, args map[string]string) (backends.Backend, error) {
			if has("refuses") {
				return nil, hintf(errors.New("the weights are gone, said "+os.Getenv("FAKE_API_KEY")), "fetch %s again", args["weights"])
			}
			return odd{scripted.New(scripted.Options{Parallel: 256, Answer: draws})}, nil
		},
		Alive: func() bool { return has("alive") },
		Beat:  20 * time.Millisecond,
		Fatal: func(err error) bool { return strings.Contains(err.Error(), "device lost") },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "ends:", err)
		return 3
	}
	fmt.Fprintln(os.Stderr, "ended politely")
	return 0
}

// odd is a scripted model with some answers that one does not give.
type odd struct{ *scripted.Backend }

func (o odd) Info() backends.Info {
	info := o.Backend.Info()
	info.Params, info.ParamsNonEmbedding, info.WeightsHash = 12, 7, "sha256:00"
	info.Details = map[string]string{"compute": "bf16"}
	return info
}

func (o odd) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	switch req.Prompt {
	case "panics":
		panic("out of range")
	case "lost":
		return backends.Response{}, errors.New("device lost")
	case "hangs":
		<-ctx.Done()
		return backends.Response{}, ctx.Err()
	case "slow":
		time.Sleep(400 * time.Millisecond)
	case "impossible":
		return backends.Response{LogProbs: []backends.LogProb{{Sum: math.Inf(-1), Tokens: 1}}}, nil
	case "no number":
		return backends.Response{LogProbs: []backends.LogProb{{Sum: math.NaN(), Tokens: 1}}}, nil
	case "exact":
		return backends.Response{LogProbs: []backends.LogProb{{Sum: -math.Pi * 1e-17, Tokens: 3, Greedy: true}}, ContextDropped: 5, Usage: backends.Usage{PromptTokens: 9}}, nil
	case "later":
		e := backends.Errorf(backends.KindOverloaded, "look", "busy")
		e.RetryAfter = 1500 * time.Millisecond
		return backends.Response{}, e
	}
	return o.Backend.Do(ctx, req)
}

func openServed(t testing.TB, change func(*PluginOptions), words ...string) *Plugin {
	t.Helper()
	o := PluginOptions{Command: command("served", words...), Model: "served", Grace: 5 * time.Second}
	if change != nil {
		change(&o)
	}
	p, err := OpenPlugin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestServeConformance(t *testing.T) {
	backendtest.Run(t, func(t testing.TB) backends.Backend { return openServed(t, nil) },
		backendtest.Options{Prompts: []string{"one two", "three\nfour five", "six"}, Additive: true, Tolerance: 1e-9})
}

// TestServeAnswers sees that answers and errors arrive as the model gave them, to the bit.
func TestServeAnswers(t *testing.T) {
	p := openServed(t, nil)
	if i := p.Info(); i.Params != 12 || i.ParamsNonEmbedding != 7 || i.WeightsHash != "sha256:00" || i.Details["compute"] != "bf16" || i.Parallel != 256 {
		t.Errorf("the info is %+v", i)
	}
	score := func(prompt string) backends.Request {
		return backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"x"}}
	}
	resp, err := p.Do(t.Context(), score("exact"))
	if err != nil || resp.LogProbs[0] != (backends.LogProb{Sum: -math.Pi * 1e-17, Tokens: 3, Greedy: true}) || resp.ContextDropped != 5 || resp.Usage.PromptTokens != 9 {
		t.Errorf("%+v, %v", resp, err)
	}
	if resp, err = p.Do(t.Context(), score("impossible")); err != nil || !math.IsInf(resp.LogProbs[0].Sum, -1) {
		t.Errorf("a probability of 0 is %+v, %v", resp, err)
	}
	for prompt, kind := range map[string]backends.ErrorKind{"no number": backends.KindInternal, "panics": backends.KindInternal, "later": backends.KindOverloaded} {
		if _, err := p.Do(t.Context(), score(prompt)); backends.KindOf(err) != kind {
			t.Errorf("%s: %v, want kind %s", prompt, err, kind)
		}
	}
	_, err = p.Do(t.Context(), score("later"))
	var e *backends.Error
	if !errors.As(err, &e) || e.RetryAfter != 1500*time.Millisecond {
		t.Errorf("%#v does not ask to wait for 1.5 s", err)
	}
}

// TestServeRefuses sees that a model that cannot be opened is told with its hint, and without secrets or noise.
func TestServeRefuses(t *testing.T) {
	t.Setenv("FAKE_API_KEY", "canary-0123456789")
	_, err := OpenPlugin(t.Context(), PluginOptions{Command: command("served", "refuses"), Args: map[string]string{"weights": "w.bin"}})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Hint() != "fetch w.bin again" || refused.Message != "the weights are gone, said [FAKE_API_KEY]" {
		t.Fatalf("the error is %v", err)
	}
	if strings.Contains(err.Error(), "last output") {
		t.Errorf("%v shows what the plug-in wrote, which says no more", err)
	}
}

// TestServeFatal sees that a process that can answer nothing more ends by itself, and that the next one answers.
func TestServeFatal(t *testing.T) {
	said := make(chan string, 8)
	p := openServed(t, func(o *PluginOptions) {
		o.Say = func(format string, args ...any) { said <- fmt.Sprintf(format, args...) }
	})
	if _, err := p.Do(t.Context(), generate("lost")); backends.KindOf(err) != backends.KindServer || !strings.Contains(err.Error(), "device lost") {
		t.Errorf("the error is %v", err)
	}
	<-p.session.dead
	if _, err := p.Do(t.Context(), generate("again")); err != nil {
		t.Error(err)
	}
	if text := <-said; !strings.Contains(text, "exit status 3") || !strings.Contains(text, "ends: device lost") {
		t.Errorf("it said %q of the restart", text)
	}
}

// TestServeCancel sees that a request that nobody waits for is ended in the model, which frees its slot.
func TestServeCancel(t *testing.T) {
	p := openServed(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	group := pool.New().WithErrors()
	for range p.Info().Parallel {
		group.Go(func() error {
			if _, err := p.Do(ctx, generate("hangs")); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("%w", err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Do(t.Context(), generate("next")); err != nil {
		t.Error(err)
	}
}

// TestServeAlive sees that a model that makes progress is not taken for hung, and one that makes none is.
func TestServeAlive(t *testing.T) {
	for _, word := range []string{"alive", "dead"} {
		p := openServed(t, func(o *PluginOptions) { o.Silence = 150 * time.Millisecond }, word)
		_, err := p.Do(t.Context(), generate("slow"))
		if (err == nil) != (word == "alive") || err != nil && backends.KindOf(err) != backends.KindTimeout {
			t.Errorf("%s: %v", word, err)
		}
	}
}

// TestServeEnds sees how Serve ends: what is in hand at a shutdown is finished, what is in hand when the input just ends is
// given up, and neither waits for the other side.
func TestServeEnds(t *testing.T) {
	for _, c := range []struct{ name, last, want string }{
		{"a shutdown", `{"type":"shutdown"}` + "\n", ""},
		{"no word", "", errNoWord.Error()},
		{"no JSON", "}\n", "invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, tell := io.Pipe()
			hear, out := io.Pipe()
			ended := make(chan error, 1)
			p := pool.New()
			p.Go(func() {
				ended <- Serve(t.Context(), in, out, ServeOptions{Open: func(context.Context, map[string]string) (backends.Backend, error) {
					return odd{scripted.New(scripted.Options{Answer: func(string, int) (string, error) { return "x", nil }})}, nil
				}})
				_ = out.Close()
			})
			p.Go(func() {
				_, _ = io.WriteString(tell, `{"type":"hello","protocol":1,"new":"field"}`+"\n"+
					`{"type":"request","id":1,"kind":"generate","prompt":"slow","sampling":{}}`+"\n"+c.last)
				if c.last == "" {
					_ = tell.Close()
				}
			})
			text, err := io.ReadAll(hear)
			_ = tell.Close()
			p.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if got := <-ended; (got == nil) != (c.want == "") || got != nil && !strings.Contains(got.Error(), c.want) {
				t.Errorf("it ends with %v, want %q", got, c.want)
			}
			if answered := strings.Contains(string(text), `"type":"response","id":1,"text":"x"`); c.want == "" && !answered {
				t.Errorf("it wrote %s", text)
			}
		})
	}
}

// BenchmarkProtocol measures requests a second through a plug-in whose model takes no time: prompts of 2 KB, 256 in flight.
func BenchmarkProtocol(b *testing.B) {
	p := openServed(b, nil)
	text := strings.Repeat("A question with an \"answer\" and a line end.\n", 46)[:2000]
	for _, c := range []struct {
		name string
		req  func(n int) backends.Request
	}{
		{"score", func(n int) backends.Request {
			return backends.Request{Kind: backends.LogLikelihood, Prompt: text + strconv.Itoa(n), Continuations: []string{" A", " B", " C", " D"}}
		}},
		{"generate", func(n int) backends.Request { return generate(text + strconv.Itoa(n)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			workers := pool.New().WithErrors()
			next := make(chan int, 1024)
			for range 256 {
				workers.Go(func() error {
					for n := range next {
						if _, err := p.Do(b.Context(), c.req(n)); err != nil {
							return err
						}
					}
					return nil
				})
			}
			for n := range b.N {
				next <- n
			}
			close(next)
			if err := workers.Wait(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkLines measures the two ends of a line: a request's encoding and an answer's decoding.
func BenchmarkLines(b *testing.B) {
	text := strings.Repeat("A question with an \"answer\" and a line end.\n", 46)[:2000]
	req := backends.Request{Kind: backends.LogLikelihood, Prompt: text, Continuations: []string{" A", " B", " C", " D"}}
	answer, err := encodeLine(serveLine{Type: "response", ID: 123, LogProbs: []serveLogProb{{-1.25, 1, true}, {-2.123456789, 1, false}, {-3.5, 1, false}, {-4, 1, false}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		for range b.N {
			if _, err := encodeRequest(1, &req); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		for range b.N {
			if _, err := decodeLine(answer); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		line, err := encodeRequest(1, &req)
		if err != nil {
			b.Fatal(err)
		}
		r := bufio.NewReaderSize(strings.NewReader(strings.Repeat(string(line), 64)), gatherBytes)
		for range b.N {
			if _, err := readLine(r, maxRequestLine); err != nil {
				r.Reset(strings.NewReader(strings.Repeat(string(line), 64)))
			}
		}
	})
}

// TestOnce sees what a program leaves, however it ends.
func TestOnce(t *testing.T) {
	for _, c := range []struct {
		script string
		want   Output
	}{
		{"echo out; echo err >&2", Output{Stdout: []byte("out\n"), Stderr: "err", State: "exit status 0"}},
		{"echo gone >&2; exit 127", Output{Stderr: "gone", Exit: 127, State: "exit status 127"}},
		{"kill -SEGV $$", Output{Exit: -1, State: "signal: segmentation fault"}},
	} {
		got, err := Once(t.Context(), []string{"/bin/sh", "-c", c.script})
		if state, _, _ := strings.Cut(got.State, " ("); err != nil || string(got.Stdout) != string(c.want.Stdout) || got.Stderr != c.want.Stderr || got.Exit != c.want.Exit || state != c.want.State {
			t.Errorf("%s: %+v, %v, want %+v", c.script, got, err, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := Once(ctx, []string{"/bin/sh", "-c", "sleep 600 & sleep 600"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("a program that hangs gives %v after %v", err, time.Since(start))
	}
	if _, err := Once(t.Context(), []string{"/no/such/program"}); err == nil {
		t.Error("a program that is not there is no error")
	}
}
