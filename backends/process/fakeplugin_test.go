//go:build unix

package process

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/scripted"
)

// fakePlugin is a plug-in around a scripted model, with the defects that its arguments name.
func fakePlugin(defects []string) int {
	p := &fake{
		defects: defects, out: bufio.NewWriter(os.Stdout),
		model: scripted.New(scripted.Options{Answer: draws}),
	}
	if p.has("stubborn") { // neither the end of its input nor a polite signal ends it
		signal.Ignore(syscall.SIGTERM)
	}
	if p.has("grandchild") {
		cmd := exec.Command("sleep", "600")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return 9
		}
		fmt.Fprintln(os.Stderr, "grandchild", cmd.Process.Pid)
	}
	fmt.Fprintln(os.Stderr, "starting, the key is", os.Getenv("FAKE_API_KEY"))
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	for in.Scan() {
		var m toPlugin
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			return 8
		}
		if m.Type == "shutdown" {
			break
		}
		if code := p.take(m); code >= 0 {
			return code
		}
	}
	if p.has("stubborn") {
		time.Sleep(time.Hour)
	}
	p.all.Wait()
	fmt.Fprintln(os.Stderr, "ended politely")
	return 0
}

// draws answers with a text that depends on the draw.
func draws(_ string, draw int) (string, error) {
	text := []byte("abcabcde")
	if draw >= 0 {
		text[1], text[2] = byte('a'+draw%7), byte('a'+draw%5)
	}
	return string(text), nil
}

type fake struct {
	defects []string
	model   *scripted.Backend
	all     sync.WaitGroup
	asked   int
	mu      sync.Mutex // guards out
	out     *bufio.Writer
}

func (f *fake) has(defect string) bool { return slices.Contains(f.defects, defect) }

func (f *fake) say(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _ = f.out.WriteString(line + "\n")
	_ = f.out.Flush()
}

func (f *fake) hello(m toPlugin) int {
	switch {
	case f.has("no hello"):
		return -1
	case f.has("dies at once"):
		fmt.Fprintln(os.Stderr, "no such weights")
		return 7
	case f.has("other protocol"):
		f.say(`{"type":"hello","protocol":2,"info":{"kinds":["generate"]}}`)
		return -1
	case f.has("misspelt"):
		f.say(`{"type":"hello","protocol":1,"info":{"kind":["generate"]}}`)
		return -1
	case f.has("banner"):
		f.say("Welcome to libmodel 1.0\n\n[info] {ready}")
	}
	details := map[string]string{"args": fmt.Sprint(m.Args)}
	if f.has("changes") {
		details["pid"] = fmt.Sprint(os.Getpid())
	}
	text, _ := json.Marshal(details)
	f.say(fmt.Sprintf(`{"type":"hello","protocol":1,"info":{"kinds":["generate","loglikelihood","loglikelihood_rolling"],"parallel":4,"details":%s}}`, text))
	return -1
}

// take answers one line; it gives an exit code, or -1 to go on.
func (f *fake) take(m toPlugin) int {
	if m.Type == "hello" {
		return f.hello(m)
	}
	if m.Type != "request" || f.has("silent") {
		return -1
	}
	f.asked++
	id := fmt.Sprintf(`"id":%d`, m.ID)
	prompt := ""
	if m.Prompt != nil {
		prompt = *m.Prompt
	}
	switch {
	case f.has("crashes") && f.asked > 5, prompt == "crash":
		fmt.Fprintln(os.Stderr, "segmentation fault, or so")
		return 11
	case prompt == "garbage":
		f.say(`{"type":"resp`)
	case prompt == "huge":
		f.say(`{"type":"response",` + id + `,"text":"` + strings.Repeat("x", 1<<20) + `"}`)
	case prompt == "twice":
		f.say(`{"type":"response",` + id + `,"text":"x","stop":"eos"}` + "\n" + `{"type":"response",` + id + `,"text":"x","stop":"eos"}`)
	case prompt == "misspelt":
		f.say(`{"type":"response",` + id + `,"txt":"x","stop":"eos"}`)
	case prompt == "no stop":
		f.say(`{"type":"response",` + id + `,"text":"x"}`)
	case prompt == "impossible":
		f.say(`{"type":"response",` + id + `,"logprobs":[{"sum":"-inf","tokens":1}]}`)
	case prompt == "positive":
		f.say(`{"type":"response",` + id + `,"logprobs":[{"sum":0.5,"tokens":1}]}`)
	case prompt == "overloaded":
		f.say(`{"type":"error",` + id + `,"kind":"overloaded","message":"come later, not with ` + os.Getenv("FAKE_API_KEY") + `","retry_after":1.5}`)
	case prompt == "beats": // longer than the silence that is allowed, with signs of life
		f.all.Go(func() {
			for range 6 {
				time.Sleep(50 * time.Millisecond)
				f.say(`{"type":"heartbeat"}`)
			}
			f.say(`{"type":"response",` + id + `,"text":"x","stop":"eos"}`)
		})
	case prompt == "hang":
	default:
		f.all.Go(func() { f.answer(m, id, prompt) })
	}
	return -1
}

func (f *fake) answer(m toPlugin, id, prompt string) {
	req := backends.Request{Kind: m.Kind, Prompt: prompt, Messages: m.Messages, Continuations: m.Continuations, Draw: m.Draw}
	if m.Sampling != nil {
		req.Sampling = *m.Sampling
	}
	resp, err := f.model.Do(context.Background(), req)
	if err != nil {
		text, _ := json.Marshal(err.Error())
		f.say(fmt.Sprintf(`{"type":"error",%s,"kind":%q,"message":%s}`, id, backends.KindOf(err), text))
		return
	}
	type line struct {
		Type     string              `json:"type"`
		ID       int64               `json:"id"`
		Text     string              `json:"text"`
		Stop     backends.StopReason `json:"stop,omitempty"`
		LogProbs []backends.LogProb  `json:"logprobs,omitempty"`
		Usage    backends.Usage      `json:"usage,omitzero"`
	}
	text, _ := json.Marshal(line{"response", m.ID, resp.Text, resp.Stop, resp.LogProbs, resp.Usage})
	f.say(string(text))
}
