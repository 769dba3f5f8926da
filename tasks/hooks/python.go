package hooks

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"sync"

	"github.com/onset-eval/onset/tasks/pyval"
)

// driver is the Python program that calls functions of task files.
//
//go:embed python.py
var driver string

// Python calls functions of task files in an interpreter, for those without a native equivalent. It executes code of the
// folder of tasks: nobody gets one who did not ask for it. It starts with the first call and may be used concurrently;
// calls take turns.
type Python struct {
	// Command is the interpreter, as python3.
	Command string
	// Errors takes what functions print; nil drops it.
	Errors io.Writer

	mu      sync.Mutex
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	broken  error
}

// answer is the driver's.
type answer struct {
	Value *string `json:"value"`
	Float string  `json:"float"`
	Error string  `json:"error"`
}

// Call calls a function of a file with Python values. how is the way: of a Kind, or of a call by position.
func (p *Python) Call(file, name, how string, args ...pyval.Value) (pyval.Value, error) {
	request, err := json.Marshal(map[string]string{"path": file, "name": name, "how": how, "args": pyval.Repr(pyval.List(args))})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	line, err := p.exchange(request)
	p.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", name, file, err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return nil, fmt.Errorf("call %s of %s: %w", name, file, err)
	}
	switch {
	case a.Error != "":
		return nil, fmt.Errorf("the function %s of %s raised %s", name, file, a.Error)
	case a.Float == "nan":
		return math.NaN(), nil
	case a.Float != "":
		return pyval.ParseFloat(a.Float)
	case a.Value == nil:
		return nil, fmt.Errorf("call %s of %s: the interpreter gave no value", name, file)
	}
	v, err := pyval.LiteralEval(*a.Value)
	if err != nil {
		return nil, fmt.Errorf("the function %s of %s gave no plain value: %w", name, file, err)
	}
	return v, nil
}

// exchange sends a request and reads the answer, starting the interpreter where it does not run.
func (p *Python) exchange(request []byte) ([]byte, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	if p.process == nil {
		if err := p.start(); err != nil {
			p.broken = fmt.Errorf("start %s: %w", p.Command, err)
			return nil, p.broken
		}
	}
	_, err := p.in.Write(append(request, '\n'))
	if err == nil {
		var line []byte
		if line, err = p.out.ReadBytes('\n'); err == nil {
			return line, nil
		}
	}
	p.broken = fmt.Errorf("%s ended: %w", p.Command, err)
	return nil, p.broken
}

func (p *Python) start() error {
	cmd := exec.Command(p.Command, "-u", "-c", driver)
	cmd.Stderr = p.Errors
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.process, p.in, p.out = cmd, in, bufio.NewReaderSize(out, 1<<16)
	return cmd.Start()
}

// Close ends the interpreter.
func (p *Python) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil || p.process.Process == nil {
		return nil
	}
	_ = p.in.Close() // the interpreter ends at the end of its input
	err := p.process.Wait()
	p.process, p.broken = nil, fmt.Errorf("%s was closed", p.Command)
	return err
}

// funcs makes the function of a call that does not score.
func (p *Python) funcs(kind Kind, c Call) Func {
	switch kind {
	case Docs:
		return Func{All: func(docs []*pyval.Dict) ([]*pyval.Dict, error) {
			v, err := p.Call(c.Path, c.Name, "docs", list(docs))
			if err != nil {
				return nil, err
			}
			return dicts(v)
		}}
	case Data:
		return Func{Data: func(options *pyval.Dict) (*pyval.Dict, error) {
			v, err := p.Call(c.Path, c.Name, "splits", options)
			if err != nil {
				return nil, err
			}
			return splits(v)
		}}
	case Samples:
		return Func{Samples: func() ([]*pyval.Dict, error) {
			v, err := p.Call(c.Path, c.Name, "call")
			if err != nil {
				return nil, err
			}
			return dicts(v)
		}}
	}
	return Func{Doc: func(doc *pyval.Dict) (pyval.Value, error) { return p.Call(c.Path, c.Name, "call", doc) }}
}

func list(docs []*pyval.Dict) pyval.List {
	out := make(pyval.List, len(docs))
	for i, d := range docs {
		out[i] = d
	}
	return out
}

func dicts(v pyval.Value) ([]*pyval.Dict, error) {
	rows, ok := v.(pyval.List)
	if !ok {
		return nil, fmt.Errorf("a list of documents is expected, not %s", pyval.TypeName(v))
	}
	out := make([]*pyval.Dict, len(rows))
	for i, row := range rows {
		if out[i], ok = row.(*pyval.Dict); !ok {
			return nil, fmt.Errorf("document %d is no dictionary but %s", i, pyval.TypeName(row))
		}
	}
	return out, nil
}

func (p *Python) call(file, name string, args []pyval.Value, named *pyval.Dict) (pyval.Value, error) {
	if named.Len() > 0 || len(args) == 0 {
		references, _ := named.Get("references")
		predictions, _ := named.Get("predictions")
		options := named.Clone()
		for _, k := range []string{"references", "predictions"} {
			_, _, _ = options.Delete(k) // a text can be hashed
		}
		return p.Call(file, name, "metric", references, predictions, options)
	}
	return p.Call(file, name, "call", args...)
}

func (p *Python) filter(file, name string, responses []pyval.Value, docs []*pyval.Dict, options *pyval.Dict) (pyval.Value, error) {
	return p.Call(file, name, "filter", pyval.List(responses), list(docs), options)
}

func (p *Python) check(string, string) error { return nil }

// Remote is a function that scores, in an interpreter: Python's, or that of package pycode.
type Remote struct {
	caller     caller
	path, name string
}

// Results calls the function as process_results.
func (r *Remote) Results(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	v, err := r.caller.call(r.path, r.name, []pyval.Value{doc, pyval.List(results)}, nil)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, fmt.Errorf("the function %s gave no dictionary but %s", r.name, pyval.TypeName(v))
	}
	return d, nil
}

// Aggregate calls the function as an aggregation.
func (r *Remote) Aggregate(items []pyval.Value) (pyval.Value, error) {
	return r.caller.call(r.path, r.name, []pyval.Value{pyval.List(items)}, nil)
}

// Metric calls the function as a metric.
func (r *Remote) Metric(references, predictions []pyval.Value, options *pyval.Dict) (pyval.Value, error) {
	named := dict(field{"references", pyval.List(references)}, field{"predictions", pyval.List(predictions)})
	named.Update(options)
	v, err := r.caller.call(r.path, r.name, nil, named)
	if pyval.KindOf(err) == "TypeError" && len(references) == 1 && len(predictions) == 1 {
		// A function with another interface gets the pair, as the harness does it.
		return r.caller.call(r.path, r.name, []pyval.Value{pyval.List{references[0], predictions[0]}}, nil)
	}
	return v, err
}

// Filter makes a filter of the class and applies it.
func (r *Remote) Filter(responses []pyval.Value, docs []*pyval.Dict, options *pyval.Dict) ([]pyval.Value, error) {
	v, err := r.caller.filter(r.path, r.name, responses, docs, options)
	if err != nil {
		return nil, err
	}
	out, ok := v.(pyval.List)
	if !ok {
		return nil, fmt.Errorf("the filter %s gave no list but %s", r.name, pyval.TypeName(v))
	}
	return out, nil
}
