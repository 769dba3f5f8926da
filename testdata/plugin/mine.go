// A plug-in for onset: a toy that generates, eight requests at once.
package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"sync"
)

type request struct {
	Type, Kind, Prompt string
	ID, Draw           int
	Sampling           struct {
		MaxTokens   int `json:"max_tokens"`
		Temperature float64
		Seed        uint64
		Stop        []string
	}
}

// answer writes a letter a token, which depends on the prompt and, above temperature 0, on the seed and the draw.
func answer(r request) map[string]any {
	key, text, why := r.Prompt, "", "length"
	if r.Sampling.Temperature > 0 {
		key += fmt.Sprint(r.Sampling.Seed, r.Draw)
	}
	n := 0
	for limit := max(r.Sampling.MaxTokens, 1); n < limit && why == "length"; n++ {
		h := fnv.New32a()
		h.Write([]byte(key + text))
		text += string(rune('a' + h.Sum32()>>8%16))
		for _, s := range r.Sampling.Stop {
			if s != "" && strings.HasSuffix(text, s) {
				text, why = strings.TrimSuffix(text, s), "stop"
			}
		}
	}
	return map[string]any{"type": "response", "id": r.ID, "text": text, "stop": why, "usage": map[string]int{"completion_tokens": n}}
}

func main() {
	var writing sync.Mutex
	var all sync.WaitGroup
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var r request
		if in.Decode(&r) != nil || r.Type == "shutdown" {
			break // the input has ended
		}
		all.Go(func() {
			var line any
			switch r.Type {
			case "hello":
				line = map[string]any{"type": "hello", "protocol": 1, "info": map[string]any{"kinds": []string{"generate"}, "parallel": 8}}
			case "request":
				line = answer(r)
			default: // cancel, which it may ignore
				return
			}
			writing.Lock()
			defer writing.Unlock()
			if out.Encode(line) != nil {
				os.Exit(1)
			}
		})
	}
	all.Wait()
}
