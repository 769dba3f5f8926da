package local

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// laterExecutor computes as a processor does and behaves as a device: there are no more than so many pages, and what is
// asked for is done when it is collected, two steps at most being under way.
type laterExecutor struct {
	*cpuExecutor
	pages, made int
	steps       [][]func()
	most        int // steps that were under way at once
	fail        error
}

func (e *laterExecutor) sizes() sizes {
	s := e.cpuExecutor.sizes()
	s.pages, s.ahead = e.pages, true
	return s
}

func (e *laterExecutor) newPage() *page {
	if e.made++; e.made > e.pages {
		panic("the pages are all in use")
	}
	return e.cpuExecutor.newPage()
}

func (e *laterExecutor) reset() { e.made, e.steps, e.fail = 0, nil, nil }

func (e *laterExecutor) forward(rows []row, keep []int) {
	if len(e.steps) == 2 {
		panic("a third step is begun")
	}
	e.cpuExecutor.forward(rows, keep)
	e.steps = append(e.steps, nil)
	e.most = max(e.most, len(e.steps))
}

// score computes and hides what it found until the step is collected.
func (e *laterExecutor) score(rows []kernels.Scores, from int) {
	found := make([]kernels.Scores, len(rows))
	for i, r := range rows {
		found[i] = kernels.Scores{Targets: r.Targets, Logits: make([]float32, len(r.Logits))}
	}
	e.cpuExecutor.score(found, from)
	e.later(func() {
		for i := range rows {
			copy(rows[i].Logits, found[i].Logits)
			rows[i].LogSumExp, rows[i].Top, rows[i].ArgMax = found[i].LogSumExp, found[i].Top, found[i].ArgMax
		}
	})
}

func (e *laterExecutor) draw(draws []drawn) {
	e.cpuExecutor.draw(draws)
	for i := range draws {
		token := draws[i].token
		draws[i].token = -1
		e.later(func() { draws[i].token = token })
	}
}

func (e *laterExecutor) later(f func()) {
	last := &e.steps[len(e.steps)-1]
	*last = append(*last, f)
}

func (e *laterExecutor) collect() error {
	if e.fail != nil {
		return e.fail
	}
	for _, f := range e.steps[0] {
		f()
	}
	e.steps = e.steps[1:]
	return nil
}

// later is a scheduler of an executor that behaves as a device.
func later(t testing.TB, pages int, o Options) (*scheduler, *laterExecutor) {
	s := idle(t, "s1", o, pages)
	e := &laterExecutor{cpuExecutor: s.ex.(*cpuExecutor), pages: pages}
	return newScheduler(s.b, e, pages, o), e
}

// TestStepsAhead drives a scheduler whose executor lags behind with random requests, some of them cancelled: with however
// few pages there are, all are answered as they are by the processor, or refused because they do not fit.
func TestStepsAhead(t *testing.T) {
	most := 0
	for _, pages := range []int{3, 4, 5, 8, 30, 1000} {
		t.Run(fmt.Sprint(pages), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(pages), 9))
			o := Options{StepTokens: 33}
			s, e := later(t, pages, o)
			plain := idle(t, "s1", o, 1000)
			var works, wants []*work
			refused, answered := 0, 0
			for range 30 {
				for range rng.IntN(12) {
					cancelled, req := make(chan struct{}), randomRequest(rng)
					works = append(works, s.put(t, req, cancelled))
					if rng.IntN(6) == 0 {
						close(cancelled)
					}
					wants = append(wants, plain.put(t, req, nil))
				}
				for range rng.IntN(6) {
					if len(s.b.queue)+s.held == 0 {
						break
					}
					stepAndCheck(t, s)
				}
			}
			for steps := 0; len(s.b.queue)+s.held > 0; steps++ {
				if steps > 100000 {
					t.Fatal("it does not end")
				}
				stepAndCheck(t, s)
			}
			plain.drain(t)
			for i, w := range works {
				got, want := <-w.done, <-wants[i].done
				switch backends.KindOf(got.err) {
				case backends.KindTooLong:
					refused++
				case "":
					if answered++; !reflect.DeepEqual(got.resp, want.resp) {
						t.Errorf("request %d gives %+v, want %+v", i, got.resp, want.resp)
					}
				default:
					if got.err != errCancelled { //nolint:errorlint // it is handed over as it is
						t.Errorf("request %d: %v", i, got.err)
					}
				}
			}
			if answered < 30 || (refused > 0) != (pages < 5) {
				t.Errorf("%d requests are answered and %d refused", answered, refused)
			}
			most = max(most, e.most)
		})
	}
	if most != 2 {
		t.Errorf("%d steps were under way at once", most)
	}
}

// TestDeviceErrorsEndRequests lets collecting a step fail: the requests under way fail as they should, to be tried again,
// and later ones are answered.
func TestDeviceErrorsEndRequests(t *testing.T) {
	s, e := later(t, 100, Options{})
	req := backends.Request{Kind: backends.LogLikelihood, Prompt: "ab", Continuations: []string{"c", "d"}}
	first, second := s.put(t, req, nil), s.put(t, req, nil)
	e.fail = deviceError(fmt.Errorf("it is lost"))
	for range 3 {
		if s.held > 0 || len(s.b.queue) > 0 {
			s.admit()
			s.advance()
		}
	}
	for _, w := range []*work{first, second} {
		if r := <-w.done; !backends.KindOf(r.err).Temporary() {
			t.Errorf("a request under way gives %v", r.err)
		}
	}
	if s.held != 0 || s.b.inFlight.Load() != 0 {
		t.Errorf("%d requests are held", s.held)
	}
	w := s.put(t, req, nil)
	s.drain(t)
	if r := <-w.done; r.err != nil || len(r.resp.LogProbs) != 2 {
		t.Errorf("a later request gives %+v, %v", r.resp, r.err)
	}
	if err := s.tree.check(nil); err != nil {
		t.Error(err)
	}
}
