//go:build unix

package process

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
)

func openFake(t testing.TB, change func(*PluginOptions), defects ...string) *Plugin {
	t.Helper()
	o := PluginOptions{Command: command("plugin", defects...), Model: "fake", Grace: 2 * time.Second, maxLine: 1 << 19}
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

func generate(prompt string) backends.Request {
	return backends.Request{Kind: backends.Generate, Prompt: prompt, Sampling: backends.Sampling{MaxTokens: 8}}
}

func TestPluginConformance(t *testing.T) {
	backendtest.Run(t, func(t testing.TB) backends.Backend { return openFake(t, nil, "banner") },
		backendtest.Options{Prompts: []string{"one two", "three\nfour five", "six"}, Additive: true, Tolerance: 1e-9})
}

// TestPluginAnswers sees what becomes of each kind of answer, and that the plug-in serves on after it.
func TestPluginAnswers(t *testing.T) {
	t.Setenv("FAKE_API_KEY", "canary-0123456789")
	score := func(prompt string) backends.Request {
		return backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"x"}}
	}
	for _, c := range []struct {
		name string
		req  backends.Request
		kind backends.ErrorKind
		want string // in the error
	}{
		{"it ends", generate("crash"), backends.KindServer, "exit status 11"},
		{"its last words", generate("crash"), backends.KindServer, "segmentation fault, or so"},
		{"half a line of JSON", generate("garbage"), backends.KindNetwork, "breaks the protocol"},
		{"a huge line", generate("huge"), backends.KindNetwork, "a line of more than"},
		{"a misspelt name", generate("misspelt"), backends.KindNetwork, `unknown object member name (at "/txt")`},
		{"no stop", generate("no stop"), backends.KindInternal, "its stop is"},
		{"a positive log-probability", score("positive"), backends.KindInternal, "0.5"},
		{"no answer", generate("hang"), backends.KindTimeout, "silent for 200ms"},
		{"an error of its own", generate("overloaded"), backends.KindOverloaded, "come later, not with [FAKE_API_KEY]"},
		{"no UTF-8", generate("\xff"), backends.KindInvalid, "UTF-8"},
		{"an empty continuation", backends.Request{Kind: backends.LogLikelihood, Continuations: []string{""}}, backends.KindInvalid, "empty"},
		{"messages", backends.Request{Kind: backends.Generate, Messages: []backends.Message{{Role: "user"}}}, backends.KindUnsupported, "no messages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := openFake(t, func(o *PluginOptions) { o.Silence = 200 * time.Millisecond })
			_, err := p.Do(t.Context(), c.req)
			if backends.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v, want one of kind %s with %q", err, c.kind, c.want)
			}
			if resp, err := p.Do(t.Context(), generate("again")); err != nil || resp.Text != "abcabcde" {
				t.Errorf("afterwards it answers %+v, %v", resp, err)
			}
		})
	}
	p := openFake(t, nil)
	if _, err := p.Do(t.Context(), generate("crash")); !errors.Is(err, ErrEnded) {
		t.Errorf("%v does not say that the plug-in ended", err)
	}
	_, err := p.Do(t.Context(), generate("overloaded"))
	if errors.Is(err, ErrEnded) {
		t.Errorf("%v says that the plug-in ended", err)
	}
	var e *backends.Error
	if !errors.As(err, &e) || e.RetryAfter != 1500*time.Millisecond {
		t.Errorf("%#v does not ask to wait for 1.5 s", err)
	}
	resp, err := p.Do(t.Context(), score("impossible"))
	if err != nil || !math.IsInf(resp.LogProbs[0].Sum, -1) {
		t.Errorf("a probability of 0 is %+v, %v", resp, err)
	}
}

// TestPluginAnswersTwice sees that a second answer to a request, which may be that to another one, ends the session.
func TestPluginAnswersTwice(t *testing.T) {
	p := openFake(t, nil)
	if _, err := p.Do(t.Context(), generate("twice")); err != nil {
		t.Fatal(err)
	}
	<-p.session.dead
	if err := p.session.why(); !strings.Contains(err.Error(), "no request with the id 1 waits") {
		t.Errorf("the session ends with %v", err)
	}
	if _, err := p.Do(t.Context(), generate("again")); err != nil {
		t.Error(err)
	}
}

func TestPluginHeartbeat(t *testing.T) {
	p := openFake(t, func(o *PluginOptions) { o.Silence = 200 * time.Millisecond })
	if _, err := p.Do(t.Context(), generate("beats")); err != nil {
		t.Errorf("a plug-in that says that it lives is taken for hung: %v", err)
	}
}

// TestPluginNeverStarts sees that a plug-in that cannot be used is an error that shows its words and no secret.
func TestPluginNeverStarts(t *testing.T) {
	t.Setenv("FAKE_API_KEY", "canary-0123456789")
	for _, c := range []struct {
		defect, want string
		hint         bool
	}{
		{"no hello", "no hello within 500ms", true},
		{"dies at once", "exit status 7", false},
		{"dies at once", "    no such weights", false},
		{"other protocol", "speaks version 2", true},
		{"misspelt", `unknown object member name (at "/info/kind")`, false},
	} {
		_, err := OpenPlugin(t.Context(), PluginOptions{Command: command("plugin", c.defect), Start: 500 * time.Millisecond, Grace: time.Second})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error is %v, want %q", c.defect, err, c.want)
		}
		if !strings.Contains(err.Error(), "the key is [FAKE_API_KEY]") {
			t.Errorf("%s: the error does not show what the plug-in wrote: %v", c.defect, err)
		}
		var h interface{ Hint() string }
		if errors.As(err, &h) != c.hint {
			t.Errorf("%s: hint %v, want %v", c.defect, !c.hint, c.hint)
		}
	}
}

func TestPluginIsMissing(t *testing.T) {
	plain := t.TempDir() + "/plain"
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ program, want, hint string }{
		{"onset-no-such-program", "no onset-no-such-program in PATH", "exec/./onset-no-such-program"},
		{"./nothing", "no such file", ""},
		{plain, "is not executable", "chmod +x"},
		{t.TempDir(), "is a folder", ""},
	} {
		_, err := OpenPlugin(t.Context(), PluginOptions{Command: []string{c.program}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.program, err, c.want)
		}
		var h interface{ Hint() string }
		if c.hint != "" && (!errors.As(err, &h) || !strings.Contains(h.Hint(), c.hint)) {
			t.Errorf("%s: no hint with %q", c.program, c.hint)
		}
	}
}

// TestPluginCrashesOften sees that many requests are answered by a plug-in that ends again and again, each within the
// attempts that a run makes, and that one that earns nothing is given up with the reason.
func TestPluginCrashesOften(t *testing.T) {
	p := openFake(t, func(o *PluginOptions) { o.Restarts = 100 }, "crashes")
	retried := backends.Retry(p, backends.RetryOptions{MaxAttempts: 60, MinWait: time.Microsecond, MaxWait: time.Millisecond})
	group := pool.New().WithErrors()
	for n := range 40 {
		group.Go(func() error {
			_, err := retried.Do(t.Context(), generate("p"+strconv.Itoa(n)))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	for _, restarts := range []int{-1, 2} {
		p = openFake(t, func(o *PluginOptions) { o.Restarts = restarts })
		var err error
		for n := 0; n <= max(0, restarts); n++ {
			if _, err = p.Do(t.Context(), generate("crash")); backends.KindOf(err) != backends.KindServer {
				t.Fatalf("crash %d of %d gives %v", n, restarts, err)
			}
		}
		_, err = p.Do(t.Context(), generate("again"))
		var h interface{ Hint() string }
		if backends.KindOf(err) != backends.KindClosed || !strings.Contains(err.Error(), "segmentation fault") || !errors.As(err, &h) {
			t.Errorf("after %d restarts: %v, want an error of kind closed with a hint and the log", restarts, err)
		}
	}
}

// TestPluginEarnsRestarts sees that answers pay for restarts.
func TestPluginEarnsRestarts(t *testing.T) {
	p := openFake(t, func(o *PluginOptions) { o.Restarts = 1 })
	for range 4 {
		for range answersEarn {
			if _, err := p.Do(t.Context(), generate("fine")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Do(t.Context(), generate("crash")); backends.KindOf(err) != backends.KindServer {
			t.Fatal(err)
		}
	}
}

func TestPluginChanges(t *testing.T) {
	p := openFake(t, nil, "changes")
	_, _ = p.Do(t.Context(), generate("crash"))
	if _, err := p.Do(t.Context(), generate("again")); backends.KindOf(err) != backends.KindClosed || !strings.Contains(err.Error(), "another model") {
		t.Errorf("a plug-in that is another model when started again gives %v", err)
	}
}

// TestPluginSlots sees that a plug-in never has more requests in hand than it asked for, those that nobody waits for any
// more included.
func TestPluginSlots(t *testing.T) {
	p := openFake(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	group := pool.New().WithErrors()
	for range 4 { // Info.Parallel
		group.Go(func() error {
			if _, err := p.Do(ctx, generate("hang")); !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Do(short, generate("fifth")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fifth request is sent while four are in hand: %v", err)
	}
}

// TestPluginClose sees that a plug-in that ends by itself may finish, that one that does not is killed, and that neither
// leaves what it started.
func TestPluginClose(t *testing.T) {
	for _, defects := range [][]string{{"grandchild"}, {"grandchild", "stubborn"}} {
		var log bytes.Buffer
		p := openFake(t, func(o *PluginOptions) { o.Log, o.Grace = &log, 300*time.Millisecond }, defects...)
		if _, err := p.Do(t.Context(), generate("x")); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if polite := strings.Contains(log.String(), "ended politely"); polite == (len(defects) > 1) {
			t.Errorf("%v: ended politely is %v", defects, polite)
		}
		_, after, _ := strings.Cut(log.String(), "grandchild ")
		pid, err := strconv.Atoi(strings.Fields(after)[0])
		if err != nil {
			t.Fatal(err)
		}
		awaitDeath(t, pid)
	}
}

// awaitDeath waits until no process has the number, or it is a zombie that somebody else has to reap.
func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err := syscall.Kill(pid, 0); err != nil || zombie(pid) {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}
