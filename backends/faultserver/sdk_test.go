package faultserver_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/faultserver"
)

// TestOpenAISDK lets the official Python SDK speak to the OpenAI face, so that its protocol is theirs: with ONSET_SDK_PYTHON, an
// interpreter that has the package openai.
func TestOpenAISDK(t *testing.T) {
	python := os.Getenv("ONSET_SDK_PYTHON")
	if python == "" {
		t.Skip("set ONSET_SDK_PYTHON to an interpreter with the package openai")
	}
	at := func(n int, f faultserver.Fault) faultserver.Fault { f.First, f.Count = n, 1; return f }
	s := start(t, faultserver.Options{Script: faultserver.Script{Key: "sk-right", RequestsPerWindow: 1000, Faults: []faultserver.Fault{
		at(3, faultserver.Fault{Do: faultserver.Status, Status: 429, RetryAfter: faultserver.Duration(200 * time.Millisecond)}),
		at(5, faultserver.Fault{Do: faultserver.Status, Status: 429}),
		at(6, faultserver.Fault{Do: faultserver.Reset}),
		at(7, faultserver.Fault{Do: faultserver.Stall}),
		at(10, faultserver.Fault{Do: faultserver.Refusal}),
		at(11, faultserver.Fault{Do: faultserver.Length}),
		at(12, faultserver.Fault{Do: faultserver.NullContent}),
	}}})
	out, err := exec.CommandContext(t.Context(), python, "testdata/openai_sdk.py", s.URL()+"/v1").CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), " ok\n") {
		t.Error(err)
	}
}
