package randmodel

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// Question is a prompt with choices to score, as the line of a file that other programs read too.
type Question struct {
	Task    string   `json:"task"`
	Prompt  string   `json:"prompt"`
	Choices []string `json:"choices"`
}

const wordList = "the of and to in is was that for it with as his on be at by had not are but from or have an they which one you were her all she there would their we him been has when who will more no if out so said what up its about into than them can only other new some could time these two may then do first any my now such like our over man me even most made after also did many before must through years where much your way well down should because each just those people how too little state good very make world still own see men work long get here between both life being under never day same another know while last might us great old year off come since against go came right used take three"

// sentence makes a text of n words.
func sentence(rng *rand.Rand, n int) string {
	words := strings.Fields(wordList)
	var out []string
	for range n {
		out = append(out, words[rng.IntN(len(words))])
	}
	return strings.Join(out, " ")
}

// FiveShot makes n questions of four choices for each of three tasks: with letters for choices behind five examples that all
// questions of the task share, as MMLU asks ("letters"); with texts for choices behind the same five ("texts"); and with
// texts behind five examples of the question's own ("own"). They are the same each time.
func FiveShot(n int) []Question {
	rng := rand.New(rand.NewPCG(5, 4))
	ask := func(letters bool) (prompt string, choices []string) {
		var text strings.Builder
		fmt.Fprintf(&text, "Question: %s?\n", sentence(rng, 20+rng.IntN(12)))
		for _, letter := range []string{"A", "B", "C", "D"} {
			answer := sentence(rng, 2+rng.IntN(5))
			if letters {
				fmt.Fprintf(&text, "%s. %s\n", letter, answer)
				choices = append(choices, " "+letter)
			} else {
				choices = append(choices, " "+answer)
			}
		}
		text.WriteString("Answer:")
		return text.String(), choices
	}
	shots := func(letters bool) string {
		var text strings.Builder
		for range 5 {
			prompt, choices := ask(letters)
			text.WriteString(prompt + choices[rng.IntN(4)] + "\n\n")
		}
		return text.String()
	}
	var suite []Question
	for _, task := range []string{"letters", "texts", "own"} {
		letters := task == "letters"
		shared := shots(letters)
		for range n {
			if task == "own" {
				shared = shots(false)
			}
			prompt, choices := ask(letters)
			suite = append(suite, Question{task, shared + prompt, choices})
		}
	}
	return suite
}

// Apart makes n texts of a half to all of so many words, to score the last four of each: with nothing in common, so that
// every token has to be computed ("apart"). They are the same each time.
func Apart(n, words int) []Question {
	rng := rand.New(rand.NewPCG(6, uint64(words)))
	var all []Question
	for i := range n {
		text := fmt.Sprintf("%d %s", i, sentence(rng, words/2+rng.IntN(words/2+1)))
		all = append(all, Question{"apart", text, []string{" " + sentence(rng, 4)}})
	}
	return all
}

// WriteQuestions writes a line of JSON for each question.
func WriteQuestions(path string, all []Question) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for i := range all {
		if err := e.Encode(&all[i]); err != nil {
			return err
		}
	}
	return w.Flush()
}
