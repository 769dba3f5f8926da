package openai

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// The values of the argument api.
const (
	apiChat        = "chat"
	apiCompletions = "completions"
)

// The values of the argument think.
const (
	thinkStrip = "strip"
	thinkKeep  = "keep"
)

// args are a model's arguments, as --model-args and ladder files give them.
type args struct {
	baseURL   string        // base_url: the server's address
	api       string        // api: chat or completions; "" is the server's usual one
	server    string        // server: what serves, one of servers; "" is found out
	tokenizer string        // tokenizer: a folder with the checkpoint's tokenizer.json
	context   int           // context_length: in tokens, where the server does not say
	effort    string        // reasoning_effort: passed on
	reasoning *bool         // reasoning: whether the model reasons before it answers, where its name does not tell
	budget    int           // reasoning_budget: tokens for hidden reasoning, beside those for the answer
	think     string        // think: strip or keep <think> blocks
	keyEnv    string        // key_env: the environment variable with the key
	keyHeader string        // key_header: the header that takes the key, where that is not Authorization: api-key
	timeout   time.Duration // timeout: of one call
	selfTest  bool          // self_test: off trusts the server's log-likelihoods
	extra     string        // extra: a JSON object whose members are sent with every generation
}

// defaultReasoningBudget is added to the bound of a reasoning model's answer, since its hidden tokens count towards it.
const defaultReasoningBudget = 8192

// readArgs reads a model's arguments strictly.
func readArgs(given map[string]string) (args, error) {
	a := args{budget: defaultReasoningBudget, think: thinkStrip, selfTest: true}
	readers := map[string]func(string) error{
		"base_url":         text(&a.baseURL),
		"api":              oneOf(&a.api, apiChat, apiCompletions),
		"server":           oneOf(&a.server, serverNames()...),
		"tokenizer":        text(&a.tokenizer),
		"context_length":   number(&a.context),
		"reasoning_effort": text(&a.effort),
		"reasoning":        func(s string) error { a.reasoning = new(bool); return truth(a.reasoning)(s) },
		"reasoning_budget": number(&a.budget),
		"think":            oneOf(&a.think, thinkStrip, thinkKeep),
		"key_env":          text(&a.keyEnv),
		"key_header":       text(&a.keyHeader),
		"timeout": func(s string) (err error) {
			a.timeout, err = time.ParseDuration(s)
			return err
		},
		"self_test": truth(&a.selfTest),
		"extra":     object(&a.extra),
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		read, ok := readers[name]
		if !ok {
			return a, httpapi.WithHint(fmt.Errorf("the OpenAI protocol takes no argument %q", name),
				"its arguments are "+strings.Join(slices.Sorted(maps.Keys(readers)), ", "))
		}
		if err := read(given[name]); err != nil {
			return a, fmt.Errorf("argument %s=%s: %w", name, given[name], err)
		}
	}
	return a, nil
}

func text(to *string) func(string) error {
	return func(s string) error { *to = s; return nil }
}

func oneOf(to *string, allowed ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(allowed, s) {
			return fmt.Errorf("it is none of %s", strings.Join(allowed, ", "))
		}
		*to = s
		return nil
	}
}

func number(to *int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return fmt.Errorf("it is no number of tokens")
		}
		*to = n
		return nil
	}
}

func truth(to *bool) func(string) error {
	return func(s string) error {
		switch s {
		case "true", "yes", "on", "1":
			*to = true
		case "false", "no", "off", "0":
			*to = false
		default:
			return fmt.Errorf("it is neither true nor false")
		}
		return nil
	}
}

// object reads a JSON object, and keeps it in one form.
func object(to *string) func(string) error {
	return func(s string) error {
		v := jsontext.Value(s)
		if err := v.Canonicalize(); err != nil || v.Kind() != '{' {
			return fmt.Errorf("it is no JSON object")
		}
		*to = string(v)
		return nil
	}
}
