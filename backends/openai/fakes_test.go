package openai_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/faultserver"
)

// The ways in which a fake server lies about log-likelihoods.
const (
	lieZeros  = "zeros"       // every log-probability of the prompt is 0
	lieOne    = "one entry"   // of the prompt's log-probabilities there is one
	lieCache  = "cache"       // a prompt that was seen before has others
	lieBias   = "bias"        // a forced token's log-probability has the bias in it
	lieShift  = "shift"       // they are those of the place before
	noEcho    = "no echo"     // echo is refused
	noPrefill = "no prefill"  // the server was not started with its option for them
	noTok     = "no tokenize" // there is no /tokenize
	oneOnly   = "one prompt"  // a call takes one prompt
	noStop    = "no stop"     // it does not say which stop string ended a text
)

// fake is a model server of one kind, with the toy for a model.
type fake struct {
	kind string
	lies map[string]bool
	toy  *faultserver.Toy
	t    testing.TB

	mu    sync.Mutex
	seen  map[string]int // prompts that were scored
	busy  int            // slots of llama-server that are taken
	calls map[string]int // by path
}

func startFake(t testing.TB, kind string, lies ...string) (*fake, string) {
	t.Helper()
	toy, err := faultserver.NewToy()
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		kind: kind, lies: make(map[string]bool), toy: toy, t: t, seen: make(map[string]int), calls: make(map[string]int),
	}
	for _, l := range lies {
		f.lies[l] = true
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s.URL
}

// checkpoint writes the toy's tokenizer to a folder.
func (f *fake) checkpoint(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range f.toy.Files() {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type object = map[string]any

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var req fakeRequest
	if len(body) > 0 {
		if err := json.Unmarshal(body, &req); err != nil {
			f.t.Errorf("%s: %s: %v", r.URL.Path, body, err)
		}
	}
	answer, status := f.route(r.URL.Path, &req)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// fakeRequest is a body of any of the servers' calls.
type fakeRequest struct {
	Model          string          `json:"model"`
	Prompt         json.RawMessage `json:"prompt"`
	Messages       []backends.Message
	MaxTokens      *int     `json:"max_tokens"`
	Temperature    float64  `json:"temperature"`
	Seed           uint64   `json:"seed"`
	Stop           []string `json:"stop"`
	Logprobs       *int     `json:"logprobs"`
	Echo           bool     `json:"echo"`
	PromptLogprobs *int     `json:"prompt_logprobs"`
	AddSpecial     *bool    `json:"add_special_tokens"`
	AsIDs          bool     `json:"return_tokens_as_token_ids"`
	Content        string   `json:"content"`

	InputIDs [][]int `json:"input_ids"`
	Sampling struct {
		MaxNew int `json:"max_new_tokens"`
	} `json:"sampling_params"`
	StartLen []int `json:"logprob_start_len"`
	Top      int   `json:"top_logprobs_num"`

	Predict   int         `json:"n_predict"`
	Probs     int         `json:"n_probs"`
	LogitBias [][]float64 `json:"logit_bias"`
	Slot      *int        `json:"id_slot"`
	Post      bool        `json:"post_sampling_probs"`
	Samplers  []string    `json:"samplers"`

	Inputs     string `json:"inputs"`
	Parameters struct {
		MaxNew  int  `json:"max_new_tokens"`
		Details bool `json:"details"`
		Prefill bool `json:"decoder_input_details"`
		TopN    int  `json:"top_n_tokens"`
	} `json:"parameters"`
}

func failure(status int, message string) (any, int) {
	return object{"error": object{"message": message, "type": "invalid_request_error", "code": status}}, status
}

func (f *fake) route(path string, req *fakeRequest) (any, int) {
	owners := map[string]string{"vllm": "vllm", "sglang": "sglang", "llama-server": "llamacpp", "ollama": "library", "other": "me", "tgi": "m"}
	special := map[string]func(*fakeRequest) (any, int){
		"vllm /version":           func(*fakeRequest) (any, int) { return object{"version": "0.11.0"}, 200 },
		"vllm /tokenize":          f.tokenize,
		"sglang /get_server_info": func(*fakeRequest) (any, int) { return object{"version": "0.5.4", "context_length": nil}, 200 },
		"sglang /v1/tokenize":     f.tokenize,
		"sglang /generate":        f.sglang,
		"llama-server /props": func(*fakeRequest) (any, int) {
			return object{"total_slots": 3, "bos_token": "<s>", "build_info": "b6000", "default_generation_settings": object{"n_ctx": faultserver.ToyContext}}, 200
		},
		"llama-server /tokenize":   f.tokenize,
		"llama-server /completion": f.forced,
		"tgi /info": func(*fakeRequest) (any, int) {
			return object{"max_total_tokens": faultserver.ToyContext, "version": "3.3"}, 200
		},
		"tgi /generate":       f.tgi,
		"tgi /tokenize":       f.tokenize,
		"ollama /api/version": func(*fakeRequest) (any, int) { return object{"version": "0.9"}, 200 },
	}
	if h, ok := special[f.kind+" "+path]; ok && !(f.lies[noTok] && strings.HasSuffix(path, "/tokenize")) {
		return h(req)
	}
	switch path {
	case "/v1/models":
		m := object{"id": "m", "object": "model", "owned_by": owners[f.kind]}
		if f.kind == "vllm" || f.kind == "sglang" {
			m["max_model_len"] = faultserver.ToyContext
		}
		return object{"object": "list", "data": []any{m}}, 200
	case "/v1/completions":
		return f.completions(req)
	case "/v1/chat/completions":
		g := f.toy.Generate(f.toy.Encode(req.Messages[0].Content, true), 8, req.Stop, 0, 0)
		return object{"choices": []any{object{"index": 0, "message": object{"role": "assistant", "content": g.Text}, "finish_reason": "stop"}}}, 200
	}
	return failure(404, "no such path")
}

func (f *fake) tokenize(req *fakeRequest) (any, int) {
	text := req.Content + req.Inputs
	if len(req.Prompt) > 0 {
		_ = json.Unmarshal(req.Prompt, &text)
	}
	ids := f.toy.Encode(text, true)
	if f.kind == "tgi" {
		out := []any{}
		for _, id := range ids {
			out = append(out, object{"id": id, "text": f.toy.Text(id)})
		}
		return out, 200
	}
	return object{"tokens": ids, "count": len(ids)}, 200
}

// prompts reads the prompts of a completion, as ids.
func (f *fake) prompts(req *fakeRequest) [][]int {
	special := req.AddSpecial == nil || *req.AddSpecial
	var lists [][]int
	var ids []int
	var texts []string
	var text string
	switch {
	case json.Unmarshal(req.Prompt, &lists) == nil:
		return lists
	case json.Unmarshal(req.Prompt, &ids) == nil:
		return [][]int{ids}
	case json.Unmarshal(req.Prompt, &texts) == nil:
	case json.Unmarshal(req.Prompt, &text) == nil:
		texts = []string{text}
	}
	lists = nil // a prompt that is none of them leaves its length there
	for _, text := range texts {
		lists = append(lists, f.toy.Encode(text, special))
	}
	return lists
}

// promptScore is what the server says of ids[k], lies and all. again tells whether the prompt was scored before.
func (f *fake) promptScore(ids []int, k int, again bool) float64 {
	lp := f.toy.Score(ids, k)
	switch {
	case f.lies[lieZeros]:
		return 0
	case f.lies[lieShift] && k > 1:
		return f.toy.Score(ids, k-1)
	case f.lies[lieCache] && again:
		return lp / 3
	}
	return lp
}

// again counts a prompt, and tells whether it was there before.
func (f *fake) again(ids []int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[fmt.Sprint(ids)]++
	return f.seen[fmt.Sprint(ids)] > 1
}

func (f *fake) completions(req *fakeRequest) (any, int) {
	if req.Echo && (f.lies[noEcho] || f.kind == "llama-server") {
		return failure(400, "Only no echo is supported")
	}
	maxTokens := 16
	if req.MaxTokens != nil {
		maxTokens = *req.MaxTokens
	}
	choices, usage := []any{}, object{"prompt_tokens": 0, "completion_tokens": 0}
	if f.lies[oneOnly] && len(f.prompts(req)) > 1 {
		return failure(500, "AssertionError")
	}
	for i, ids := range f.prompts(req) {
		if len(ids)+1 > faultserver.ToyContext {
			return failure(400, "This model's maximum context length is 256 tokens. However, you requested more")
		}
		g := f.toy.Generate(ids, maxTokens, req.Stop, req.Temperature, req.Seed)
		c := object{"index": i, "text": g.Text, "finish_reason": "stop", "logprobs": nil}
		if g.Stop == backends.StopLength {
			c["finish_reason"] = "length"
		}
		if g.Stopped != "" && !f.lies[noStop] {
			c["stop_reason"], c["matched_stop"] = g.Stopped, g.Stopped
		}
		usage["prompt_tokens"] = usage["prompt_tokens"].(int) + len(ids)
		usage["completion_tokens"] = usage["completion_tokens"].(int) + len(g.IDs)
		again := (req.PromptLogprobs != nil || req.Echo) && f.again(ids)
		if req.PromptLogprobs != nil {
			c["prompt_logprobs"] = f.promptLogprobs(ids, *req.PromptLogprobs, again)
		}
		if req.Logprobs != nil {
			c["logprobs"] = f.textLogprobs(req, ids, g.IDs, again)
		}
		choices = append(choices, c)
	}
	slices.Reverse(choices) // the order is the index's
	return object{"object": "text_completion", "choices": choices, "usage": usage}, 200
}

func (f *fake) promptLogprobs(ids []int, top int, again bool) []any {
	out := []any{nil}
	for k := 1; k < len(ids); k++ {
		all := f.toy.LogProbs(ids[:k])
		best := faultserver.Best(all, len(all))
		entry := object{}
		for rank, id := range best {
			if rank < top || id == ids[k] {
				lp := all[id]
				if id == ids[k] {
					lp = f.promptScore(ids, k, again)
				}
				entry[strconv.Itoa(id)] = object{"logprob": lp, "rank": rank + 1, "decoded_token": f.toy.Text(id)}
			}
		}
		out = append(out, entry)
	}
	if f.lies[lieOne] {
		return out[len(out)-1:]
	}
	return out
}

func (f *fake) name(req *fakeRequest, id int) string {
	if req.AsIDs {
		return "token_id:" + strconv.Itoa(id)
	}
	if id == faultserver.ToyBOS {
		return "<s>"
	}
	return f.toy.Text(id)
}

func (f *fake) textLogprobs(req *fakeRequest, ids, generated []int, again bool) any {
	all := append(slices.Clone(ids), generated...)
	tokens, lps, tops := []string{}, []any{}, []any{}
	from := len(ids)
	if req.Echo {
		from = 0
	}
	for k := from; k < len(all); k++ {
		tokens = append(tokens, f.name(req, all[k]))
		if k == 0 {
			lps, tops = append(lps, nil), append(tops, nil)
			continue
		}
		dist := f.toy.LogProbs(all[:k])
		lp := dist[all[k]]
		if k < len(ids) {
			lp = f.promptScore(all, k, again)
		}
		top := object{f.name(req, all[k]): lp}
		for _, id := range faultserver.Best(dist, *req.Logprobs) {
			if id != all[k] {
				top[f.name(req, id)] = dist[id]
			}
		}
		lps, tops = append(lps, lp), append(tops, top)
	}
	return object{"tokens": tokens, "token_logprobs": lps, "top_logprobs": tops}
}

func (f *fake) sglang(req *fakeRequest) (any, int) {
	out := []any{}
	for i, ids := range req.InputIDs {
		again := f.again(ids)
		input, top := []any{}, []any{}
		for k := req.StartLen[i]; k < len(ids); k++ {
			if k == req.StartLen[i] {
				input, top = append(input, []any{nil, ids[k], nil}), append(top, nil)
				continue
			}
			dist := f.toy.LogProbs(ids[:k])
			best := faultserver.Best(dist, 1)[0]
			input = append(input, []any{f.promptScore(ids, k, again), ids[k], nil})
			top = append(top, []any{[]any{dist[best], best, nil}})
		}
		if f.lies[lieOne] {
			input = input[:1]
		}
		dist := f.toy.LogProbs(ids)
		tops := []any{}
		for _, id := range faultserver.Best(dist, req.Top) {
			tops = append(tops, []any{dist[id], id, nil})
		}
		out = append(out, object{"text": "", "meta_info": object{
			"prompt_tokens": len(ids), "input_token_logprobs": input, "input_top_logprobs": top, "output_top_logprobs": []any{tops},
		}})
	}
	return out, 200
}

// forced is llama-server's completion, of one token.
func (f *fake) forced(req *fakeRequest) (any, int) {
	f.mu.Lock()
	f.busy++
	if f.busy > 3 || req.Slot != nil {
		f.t.Errorf("%d calls for 3 slots, or one that names its slot: %v", f.busy, req.Slot)
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.busy--
		f.mu.Unlock()
	}()
	var ids []int
	_ = json.Unmarshal(req.Prompt, &ids)
	raw := f.toy.LogProbs(ids)
	biased := slices.Clone(raw)
	for _, b := range req.LogitBias {
		biased[int(b[0])] += b[1]
	}
	id := faultserver.Best(biased, 1)[0]
	shown := raw
	if f.lies[lieBias] || req.Post {
		norm := 0.0
		top := slices.Max(biased)
		for _, v := range biased {
			norm += math.Exp(v - top)
		}
		for i := range biased {
			biased[i] -= top + math.Log(norm)
		}
		shown = biased
	}
	tops := []any{}
	for _, best := range faultserver.Best(shown, req.Probs) {
		tops = append(tops, object{"id": best, "token": f.toy.Text(best), "logprob": shown[best]})
	}
	lp := shown[id]
	if f.lies[lieZeros] {
		lp = 0
	}
	return object{"content": f.toy.Text(id), "completion_probabilities": []any{object{"id": id, "token": f.toy.Text(id), "logprob": lp, "top_logprobs": tops}}}, 200
}

func (f *fake) tgi(req *fakeRequest) (any, int) {
	ids := f.toy.Encode(req.Inputs, true)
	if req.Parameters.Prefill && f.lies[noPrefill] {
		return object{"error": "Input validation error: `decoder_input_details` is not supported", "error_type": "validation"}, 422
	}
	prefill, again := []any{}, f.again(ids)
	for k, id := range ids {
		lp := any(nil)
		if k > 0 {
			lp = f.promptScore(ids, k, again)
		}
		prefill = append(prefill, object{"id": id, "text": f.toy.Text(id), "logprob": lp})
	}
	if !req.Parameters.Prefill {
		prefill = []any{}
	} else if f.lies[lieOne] {
		prefill = prefill[:1]
	}
	dist := f.toy.LogProbs(ids)
	tops := []any{}
	for _, id := range faultserver.Best(dist, req.Parameters.TopN) {
		tops = append(tops, object{"id": id, "text": f.toy.Text(id), "logprob": dist[id]})
	}
	return object{"generated_text": "", "details": object{"prefill": prefill, "top_tokens": []any{tops}}}, 200
}
