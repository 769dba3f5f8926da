package hooks

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyrandom"
	"github.com/onset-eval/onset/tasks/pyval"
)

// shuffledOptions are the hooks of GPQA, which shuffle the options of each question.
//
// The harness draws from Python's global generator, so that the order depends on the tasks loaded before, on the
// map cache, and on how often the documents are read. Here it depends on the question alone, in compat mode too.
var shuffledOptions = []Hook{
	{Kind: Docs, Files: []string{"gpqa/cot_n_shot/utils.py", "gpqa/cot_zeroshot/utils.py", "gpqa/generative/utils.py"}, Name: "process_docs",
		Digests: []string{"0dcabdf76099b8f9"}, Func: mapRows(gpqa(true))},
	{Kind: Docs, Files: []string{"leaderboard/gpqa/utils.py"}, Name: "process_docs", Digests: []string{"f4cf0d66f21a1802"}, Func: mapRows(gpqa(true))},
	{Kind: Docs, Files: []string{"gpqa/n_shot/utils.py", "gpqa/zeroshot/utils.py"}, Name: "process_docs",
		Digests: []string{"8fc5081b59ef1bfc", "c40c179ce3d22342"}, Func: mapRows(gpqa(false))},
}

// gpqa makes choice1 to choice4 and answer, a letter in brackets; brackets says to drop bracketed parts.
func gpqa(brackets bool) func(r *reader) *pyval.Dict {
	clean := func(r *reader, key string) string {
		v := r.value(key)
		if v == nil {
			return " "
		}
		s := r.textOf(v)
		if brackets {
			return r.withoutBrackets(s)
		}
		s = strings.ReplaceAll(pyval.Strip(s, nil, true, true), " [title]", ". ")
		return strings.ReplaceAll(s, "  ", " ")
	}
	return func(r *reader) *pyval.Dict {
		correct := clean(r, "Correct Answer")
		options := []string{clean(r, "Incorrect Answer 1"), clean(r, "Incorrect Answer 2"), clean(r, "Incorrect Answer 3"), correct}
		sum := sha256.Sum256([]byte(strings.Join(options, "\x00")))
		rng := pyrandom.New(int64(binary.LittleEndian.Uint64(sum[:8]) >> 1))
		rng.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
		out := new(pyval.Dict)
		for i, o := range options {
			out.Set(fmt.Sprintf("choice%d", i+1), o)
		}
		out.Set("answer", "("+string(rune('A'+r.index(options, correct)))+")")
		return out
	}
}
