package runlog

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends"
)

func header() Header {
	return Header{
		Schema: Schema, Onset: "v0.1.0", Created: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC), Seed: 7,
		Models: []ModelHeader{{
			Model: backends.Model{
				Name: "small", Family: "f", Ref: backends.Ref{Provider: "openai", Model: "org/small"},
				Scale: backends.Scale{Params: 1e6}, BaseURL: "http://127.0.0.1:8000/v1",
				Args: map[string]string{"mode": "completions"},
			},
			Info: backends.Info{Provider: "openai", Model: "org/small", Kinds: []backends.Kind{backends.Generate}, Details: map[string]string{"mode": "exact"}},
		}},
		Tasks:    []TaskHeader{{Name: "induction", Digest: "sha256:aa", Version: "1"}},
		Scorers:  []ScorerHeader{{Name: "exact_match", Version: 1}},
		Settings: map[string]string{"temperature": "0"},
		Plan:     json.RawMessage(`{"limit":5}`),
	}
}

func TestHeaderComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "x")
	want := header()
	for range 2 { // the second replaces the first
		if err := WriteHeader(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadHeader(dir)
	if err != nil {
		t.Fatal(err)
	}
	var plan map[string]int
	if err := json.Unmarshal(got.Plan, &plan); err != nil || plan["limit"] != 5 {
		t.Errorf("plan %s, %v", got.Plan, err)
	}
	got.Plan = want.Plan
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header (-written +read):\n%s", diff)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v, want the header alone", entries, err)
	}
}

func TestHeaderHoldsNoSecrets(t *testing.T) {
	dir := t.TempDir()
	h := header()
	h.Models[0].BaseURL = "https://user:hunter2@host/v1?key=hunter2&version=3"
	h.Models[0].Args = map[string]string{"api_key": "hunter2", "token": "hunter2", "hf-token": "hunter2", "eos_token": "</s>", "mode": "chat"}
	if err := WriteHeader(dir, h); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, HeaderFile))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "hunter2") || !strings.Contains(string(data), "</s>") || !strings.Contains(string(data), "version=3") {
		t.Errorf("header:\n%s", data)
	}
	if h.Models[0].Args["api_key"] == "" {
		t.Error("WriteHeader changed the caller's header")
	}
}

func TestIdentity(t *testing.T) {
	base := header()
	for _, c := range []struct {
		name   string
		change func(*Header)
		diff   []string
	}{
		{"onset, time, plan", func(h *Header) { h.Onset, h.Created, h.Plan = "v2", time.Time{}, nil }, nil},
		{"transport", func(h *Header) { h.Models[0].BaseURL = "http://other"; h.Models[0].Args = nil }, nil},
		{"scale", func(h *Header) { h.Models[0].Scale.Params = 2e6 }, nil},
		{"order", func(h *Header) { h.Tasks = []TaskHeader{h.Tasks[0]} }, nil},
		{"seed", func(h *Header) { h.Seed = 8 }, []string{"seed: 7 here, 8 there"}},
		{"quirks", func(h *Header) { h.Quirks = "lm-eval" }, []string{"quirks: absent here, lm-eval there"}},
		{"task", func(h *Header) { h.Tasks[0].Digest = "sha256:bb" }, []string{"task induction: sha256:aa here, sha256:bb there"}},
		{"scorer", func(h *Header) { h.Scorers[0].Version = 2 }, []string{"scorer exact_match version: 1 here, 2 there"}},
		{"setting", func(h *Header) { h.Settings = nil }, []string{"setting temperature: 0 here, absent there"}},
		{"model", func(h *Header) { h.Models[0].Ref.Model = "org/other" }, []string{"model small reference: openai/org/small here, openai/org/other there"}},
		{"details", func(h *Header) { h.Models[0].Info.Details = map[string]string{"mode": "fast"} }, []string{"model small mode: exact here, fast there"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := header()
			c.change(&h)
			if diff := cmp.Diff(c.diff, base.Diff(h)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if equal := base.Identity() == h.Identity(); equal != (len(c.diff) == 0) {
				t.Errorf("identities are equal: %v", equal)
			}
		})
	}
}

func TestWeightsKnownByDigestMayMove(t *testing.T) {
	a, b := header(), header()
	a.Models[0].Info.WeightsHash, b.Models[0].Info.WeightsHash = "sha256:w", "sha256:w"
	b.Models[0].Ref.Model = "another/place"
	if a.Identity() != b.Identity() {
		t.Error(a.Diff(b))
	}
}

func TestUnreadableHeaders(t *testing.T) {
	for _, c := range []struct {
		name, content, want string
		hint                bool
	}{
		{"missing", "", "is no run directory", true},
		{"newer", `{"schema":99,"onset":"v9.0.0","models":"not a list any more"}`, "newer", true},
		{"not JSON", "{", "unexpected end", false},
		{"no schema", "{}", "not positive", false},
		{"wrong type", `{"schema":1,"seed":"x"}`, "seed", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.content != "" {
				if err := os.WriteFile(filepath.Join(dir, HeaderFile), []byte(c.content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := ReadHeader(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Fatalf("error %v does not say %q and the directory", err, c.want)
			}
			var hinted interface{ Hint() string }
			if errors.As(err, &hinted) != c.hint {
				t.Errorf("error %v has a hint: %v", err, !c.hint)
			}
		})
	}
}
