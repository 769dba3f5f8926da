package runlog

import (
	"iter"

	"github.com/go-json-experiment/json"

	"github.com/onset-eval/onset/evaluators"
)

// view says how much of a line a pass decodes. What is left out is still checked to be JSON.
type view func(data []byte, opts json.Options) (line, error)

// keyView decodes a record's key and whether it has an error, which takes a third of the time of all of it.
func keyView(data []byte, opts json.Options) (line, error) {
	var l struct {
		Record *struct {
			Key
			Error *Failure `json:"error"`
		} `json:"record"`
	}
	if err := json.Unmarshal(data, &l, opts); err != nil || l.Record == nil {
		return line{}, err
	}
	return line{Record: &Record{Key: l.Record.Key, Error: l.Record.Error}}, nil
}

// scoreView decodes a record without its responses.
func scoreView(data []byte, opts json.Options) (line, error) {
	var l struct {
		Record *struct {
			Key
			Prompt string             `json:"prompt"`
			Target string             `json:"target"`
			Index  int                `json:"index"`
			Chance float64            `json:"chance"`
			Error  *Failure           `json:"error"`
			Scores []evaluators.Score `json:"scores"`
		} `json:"record"`
	}
	if err := json.Unmarshal(data, &l, opts); err != nil || l.Record == nil {
		return line{}, err
	}
	r := l.Record
	return line{Record: &Record{
		Key: r.Key, Prompt: r.Prompt, Target: r.Target, Index: r.Index, Chance: r.Chance, Error: r.Error, Scores: r.Scores,
	}}, nil
}

// Scores gives the records of the run in dir as Read does, without their responses, attempts and times: all that most
// reports need, in less time.
func Scores(dir string) iter.Seq2[Record, error] {
	r := NewReader(dir)
	r.view = scoreView
	return r.Records()
}
