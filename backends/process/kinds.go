package process

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends"
)

// Kind is a kind of model server. Its fields say how it is started; placeholders in Options are {model}, {host}, {port} and
// {alias}.
type Kind struct {
	// Name is the provider's: "vllm".
	Name string
	// Command are the words that start it, and Variable the environment variable that replaces them.
	Command  []string
	Variable string
	// Options are put behind the command, the user's own behind them.
	Options []string
	// Install says how to get it.
	Install string
	// Health is the path that answers with 200 when the server is ready, and Identity the one that lists the models, by which
	// it is known for ours; "" is none.
	Health, Identity string
	// Kinds are the kinds of request that the server serves.
	Kinds []backends.Kind
	// Version is put behind the command instead of Options to print the version; nil asks nothing.
	Version []string
}

// Kinds lists the kinds of server that onset starts.
func Kinds() []Kind {
	return []Kind{
		{
			Name: "vllm", Command: []string{"vllm"}, Variable: "ONSET_VLLM_COMMAND", Install: "pip install vllm",
			Options: []string{"serve", "{model}", "--host", "{host}", "--port", "{port}", "--served-model-name", "{alias}"},
			Health:  "/health", Identity: "/v1/models", Kinds: backends.Kinds[:], Version: []string{"--version"},
		},
		{
			Name: "sglang", Command: []string{"python3", "-m", "sglang.launch_server"}, Variable: "ONSET_SGLANG_COMMAND",
			Install: `pip install "sglang[all]"`,
			Options: []string{"--model-path", "{model}", "--host", "{host}", "--port", "{port}", "--served-model-name", "{alias}"},
			Health:  "/health", Identity: "/v1/models", Kinds: backends.Kinds[:],
		},
		{
			Name: "llama-server", Command: []string{"llama-server"}, Variable: "ONSET_LLAMA_SERVER_COMMAND",
			Install: "brew install llama.cpp, or build it from its source with cmake",
			Options: []string{"{gguf}", "{model}", "--host", "{host}", "--port", "{port}", "--alias", "{alias}"},
			Health:  "/health", Identity: "/v1/models", Kinds: backends.Kinds[:], Version: []string{"--version"},
		},
		{
			Name: "tgi", Command: []string{"text-generation-launcher"}, Variable: "ONSET_TGI_COMMAND",
			Install: "see its documentation; its image starts with ONSET_TGI_COMMAND=\"docker run …\"",
			Options: []string{"--model-id", "{model}", "--hostname", "{host}", "--port", "{port}", "--enable-prefill-logprobs"},
			Health:  "/health", Kinds: backends.Kinds[:], Version: []string{"--version"},
		},
	}
}

// ServerArgs are the arguments of a model that say how its server is started: command and args are split as a shell does
// and are the words that start it and further options; start_timeout is a time; kinds, joined by +, are the kinds of request
// to use where the server serves fewer than its like.
var ServerArgs = []string{"command", "args", "start_timeout", "kinds"}

// launch is how a server is started.
type launch struct {
	kind    Kind
	model   string
	file    string // the model's file, where it is one
	alias   string // the name by which the server is to know the model
	program []string
	more    []string
	own     bool // the command is the kind's own, so its options are known
}

func (o *ServerOptions) newLaunch() (launch, error) {
	l := launch{kind: o.Kind, model: o.Model, program: o.Kind.Command, own: true, alias: o.Model}
	var err error
	if len(o.Command) > 0 {
		l.program, l.own = o.Command, false
	}
	if line := o.Args["command"]; line != "" {
		if l.program, err = SplitCommand(line); err != nil {
			return l, err
		}
		l.own = false
	}
	if l.more, err = SplitCommand(o.Args["args"]); err != nil {
		return l, err
	}
	if len(l.program) == 0 {
		return l, errors.New("the command is empty")
	}
	l.program = slices.Clone(l.program)
	program, err := findProgram(l.program[0])
	if err != nil {
		return l, hintf(fmt.Errorf("start %s/%s: %w", o.Kind.Name, o.Model, err), "%s; or say how to start it, with --model-args command=… or %s", o.Kind.Install, o.Kind.Variable)
	}
	l.program[0] = program
	if slices.Contains(o.Kind.Options, "{alias}") {
		l.alias = "onset-" + rand.Text()[:10]
	}
	if st, err := os.Stat(o.Model); err == nil && st.Mode().IsRegular() {
		l.file = o.Model
	} else if strings.HasSuffix(o.Model, ".gguf") {
		return l, hintf(fmt.Errorf("start %s/%s: there is no such file", o.Kind.Name, o.Model), "the path is taken relative to the current folder, or to the ladder file's")
	}
	return l, nil
}

// words gives the whole command.
func (l launch) words(port int) []string {
	gguf := "-hf"
	if l.file != "" {
		gguf = "-m"
	}
	fill := map[string]string{"{model}": l.model, "{host}": "127.0.0.1", "{port}": strconv.Itoa(port), "{alias}": l.alias, "{gguf}": gguf}
	words := slices.Clone(l.program)
	for _, w := range l.kind.Options {
		if value, ok := fill[w]; ok {
			w = value
		}
		words = append(words, w)
	}
	return append(words, l.more...)
}

// version gives the first line in which the server tells its version; "" where it does not.
func (l launch) version(ctx context.Context) string {
	if l.kind.Version == nil || !l.own {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.program[0], append(slices.Clone(l.program[1:]), l.kind.Version...)...) //nolint:gosec // the user names the program
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(strings.ToLower(line), "version") || strings.Count(line, ".") > 1 {
			return shorten(clean(strings.TrimSpace(line)), 100)
		}
	}
	return ""
}

// advise adds how to install what the server's log says is missing.
func (k Kind) advise(err error, out *tail) error {
	for _, line := range out.lines(20) {
		if strings.Contains(line, "No module named") || strings.Contains(line, "command not found") {
			return hintf(err, "%s; or say how to start it, with --model-args command=… or %s", k.Install, k.Variable)
		}
	}
	return err
}

// freePort gives a port that is free now. Somebody else may take it before the server does.
func freePort() (int, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// hashFile gives "sha256:" and the hex digest of a file.
func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, whileContext{ctx, f}, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// whileContext reads while its context lasts: weights may take minutes to read.
type whileContext struct {
	ctx context.Context //nolint:containedctx // it is the context of one copy
	io.Reader
}

func (r whileContext) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
