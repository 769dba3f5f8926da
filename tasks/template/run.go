package template

import "github.com/onset-eval/onset/tasks/pyval"

type (
	// expr evaluates an expression.
	expr func(r *run) (pyval.Value, error)
	// step runs a statement, which appends to the output.
	step func(r *run) error
)

// missing stands in slots and arguments for what was not given.
type missingValue struct{}

var missing pyval.Value = missingValue{}

// frame is one call of a function.
type frame struct {
	slots  []pyval.Value
	parent *frame
}

// run is one rendering.
type run struct {
	t          *Template
	vars       *pyval.Dict
	f          *frame
	root       frame
	out        []byte
	captured   int // bytes that were taken out of the output again
	steps      int
	depth      int
	autoescape bool
	exports    map[string]pyval.Value // of the template's top level, for its blocks
	thawed     map[string]pyval.Value // documents' values that the template may change
}

// What one rendering may take.
const (
	maxOutput = 32 << 20 // bytes
	maxSteps  = 1 << 21  // items of loops, calls, operations, and kilobytes of what they read and make
	maxCalls  = 200      // calls within each other
)

func (r *run) reset(t *Template, vars *pyval.Dict) {
	r.t, r.vars = t, vars
	r.captured, r.steps, r.depth, r.autoescape = 0, 0, 0, false
	r.out = r.out[:0]
	r.f = &r.root
	if n := len(t.root.slots); cap(r.root.slots) < n {
		r.root.slots = make([]pyval.Value, n)
	} else {
		r.root.slots = r.root.slots[:n]
	}
}

// release lets go of what the rendering held, so that the pool keeps only buffers of common size.
func (r *run) release() {
	clear(r.root.slots)
	if cap(r.out) > 1<<20 {
		r.out = nil
	}
	r.t, r.vars, r.exports, r.thawed, r.f = nil, nil, nil, nil, nil
}

// charge counts work and ends a rendering that does too much.
func (r *run) charge(n int) error {
	if r.steps += n; r.steps > maxSteps {
		return errStopped
	}
	return nil
}

// made charges for the size of a value that an operation made.
func (r *run) made(v pyval.Value, err error) (pyval.Value, error) {
	if err != nil {
		return nil, err
	}
	return v, r.weigh(v)
}

// weigh charges for the size of a value that an operation reads or has made.
func (r *run) weigh(v pyval.Value) error {
	n := 0
	switch v := v.(type) {
	case int64, bool, nil:
	case string:
		n = len(v) >> 10
	case pyval.Markup:
		n = len(v) >> 10
	case pyval.List:
		n = len(v) >> 2
	case *pyval.Array:
		n = len(v.Items) >> 2
	case pyval.Tuple:
		n = len(v) >> 2
	case *pyval.Dict:
		n = v.Len() >> 2
	}
	if n == 0 {
		return nil
	}
	return r.charge(n)
}

func (r *run) write(s string) error {
	r.out = append(r.out, s...)
	return r.wrote()
}

func (r *run) wrote() error {
	if len(r.out)+r.captured > maxOutput {
		return &pyval.Error{Kind: "MemoryError", Msg: "the template's output is too large"}
	}
	return nil
}

// print writes a value as the output of {{ }}.
func (r *run) print(v pyval.Value) error {
	var err error
	if r.autoescape {
		m, err := pyval.EscapeValue(v)
		if err != nil {
			return err
		}
		return r.write(string(m))
	}
	if r.out, err = pyval.AppendStr(r.out, v); err != nil {
		return err
	}
	return r.wrote()
}

// capture runs steps and gives what they write as a text.
func (r *run) capture(body []step) (pyval.Value, error) {
	start := len(r.out)
	err := r.all(body)
	text := string(r.out[start:])
	r.out = r.out[:start]
	r.captured += len(text)
	if err != nil {
		return nil, err
	}
	if r.autoescape {
		return pyval.Markup(text), nil
	}
	return text, nil
}

func (r *run) all(body []step) error {
	for _, s := range body {
		if err := s(r); err != nil {
			return err
		}
	}
	return nil
}

// function runs a function in the current frame.
func (r *run) function(fn *function) error { return r.all(fn.body) }

// enter puts a frame for fn, whose outer frame is given, in place of the current one; the caller restores
// that.
func (r *run) enter(fn *function, outer *frame) error {
	if r.depth++; r.depth > maxCalls {
		return &pyval.Error{Kind: "RecursionError", Msg: "maximum recursion depth exceeded"}
	}
	f := &frame{slots: make([]pyval.Value, len(fn.slots)), parent: outer}
	for i := range f.slots {
		f.slots[i] = missing
	}
	r.f = f
	return r.charge(1 + len(f.slots)>>3)
}

// resolve finds a name in the document and the globals, or gives missing.
func (r *run) resolve(name string) pyval.Value {
	if v, ok := r.exports[name]; ok {
		return v
	}
	if v, ok := r.vars.Get(name); ok {
		if r.t.mutates {
			return r.thaw(name, v)
		}
		return v
	}
	if v := r.t.global(name); v != nil {
		return v
	}
	return missing
}

// thaw copies a document's value into lists that the template may change.
func (r *run) thaw(name string, v pyval.Value) pyval.Value {
	if c, ok := r.thawed[name]; ok {
		return c
	}
	c := thaw(v, 0)
	if r.thawed == nil {
		r.thawed = map[string]pyval.Value{}
	}
	r.thawed[name] = c
	return c
}

func thaw(v pyval.Value, depth int) pyval.Value {
	if depth > 200 {
		return v
	}
	switch v := v.(type) {
	case pyval.List:
		out := make([]pyval.Value, len(v))
		for i, e := range v {
			out[i] = thaw(e, depth+1)
		}
		return &pyval.Array{Items: out}
	case *pyval.Dict:
		out := new(pyval.Dict)
		for i := range v.Len() {
			k, e := v.At(i)
			_ = out.SetItem(k, thaw(e, depth+1)) // the key was one before
		}
		return out
	}
	return v
}

// jump is a break or a continue on its way to its loop.
type jump string

func (j jump) Error() string { return string(j) + " outside a loop" }

const (
	jumpBreak    jump = "break"
	jumpContinue jump = "continue"
)
