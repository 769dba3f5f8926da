package faultserver_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/faultserver"
)

// TestHostedSDKs asks the faces with the official Python SDKs of Anthropic and Google, so that what the faces speak is those
// APIs' protocol. ONSET_SDK_PYTHON names an interpreter that has the packages anthropic and google-genai.
func TestHostedSDKs(t *testing.T) {
	python := os.Getenv("ONSET_SDK_PYTHON")
	if python == "" {
		t.Skip("ONSET_SDK_PYTHON names no interpreter with anthropic and google-genai")
	}
	model := func(c faultserver.Call) faultserver.Reply {
		r := faultserver.Echo(c)
		switch c.Model {
		case "thinks":
			r.Reasoning, r.ReasoningTokens, r.CompletionTokens = "let me see", 3, r.CompletionTokens+3
		case "blocked":
			r.Text, r.Refusal, r.Stop = "", "no", backends.StopRefusal
		}
		return r
	}
	for name, faults := range map[string][]faultserver.Fault{
		"sdk_anthropic.py": {{Do: faultserver.Status, Status: 429, Count: 1, RetryAfter: faultserver.Duration(20 * time.Millisecond)}, {Do: faultserver.Status, Status: 529, Count: 1}},
		"sdk_gemini.py":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := faultserver.Start(faultserver.Options{Model: model, Script: faultserver.Script{Key: "key-of-the-sdk", RequestsPerWindow: 1000, TokensPerWindow: 1e6, Faults: faults}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, python, filepath.Join("testdata", name), s.URL()).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}
