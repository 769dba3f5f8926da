package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	concpool "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// check holds the tree's books against a count of what is there. texts are those under way.
func (t *tree) check(texts []*text) error {
	reserved, used := 0, make(map[*page]int)
	pins := make(map[*node]int)
	for _, x := range texts {
		for n := x.leaf; n != nil && n.parent != nil; n = n.parent {
			pins[n]++
		}
		if x.gen != nil {
			reserved += x.gen.reserved
			for _, pg := range x.gen.pages {
				used[pg]++
			}
		}
	}
	listed := make(map[*node]*list)
	for _, l := range []*list{&t.once, &t.often} {
		pages := 0
		for n := l.front; n != nil; n = n.next {
			listed[n] = l
			pages += n.cost()
		}
		if pages != l.pages {
			return fmt.Errorf("a list holds %d pages and counts %d", pages, l.pages)
		}
	}
	var walk func(n *node) error
	walk = func(n *node) error {
		for i, c := range n.children {
			switch {
			case c.parent != n || c.start != n.end() || len(c.ids) == 0:
				return fmt.Errorf("the node at %d does not follow its parent, which ends at %d", c.start, n.end())
			case i > 0 && n.children[i-1].ids[0] >= c.ids[0]:
				return fmt.Errorf("children are out of order")
			case c.pins != pins[c]:
				return fmt.Errorf("a node has %d pins, and %d texts run through it", c.pins, pins[c])
			case c.pins == 0 && listed[c] == nil || c.pins > 0 && listed[c] != nil:
				return fmt.Errorf("a node with %d pins is listed: %v", c.pins, listed[c] != nil)
			case c.pins == 0 && c.done < len(c.ids):
				return fmt.Errorf("what is not computed is kept")
			case c.done > 0 && n.done < len(n.ids):
				return fmt.Errorf("a node is computed before its parent")
			case c.done > 0 && len(c.pages) < span(c.start, c.start+c.done):
				return fmt.Errorf("%d positions from %d on have %d pages", c.done, c.start, len(c.pages))
			case c.inPlace && !n.claimed:
				return fmt.Errorf("a node follows in place where nothing is claimed")
			case c.pins == 0 && len(c.readers) > 0:
				return fmt.Errorf("a node that nobody needs is read")
			}
			if c.pins > 0 {
				reserved += c.cost()
			}
			for _, pg := range c.pages {
				used[pg]++
			}
			if err := walk(c); err != nil {
				return err
			}
		}
		return nil
	}
	for _, root := range t.roots {
		if err := walk(root); err != nil {
			return err
		}
	}
	for pg, n := range used {
		if pg.holders != n {
			return fmt.Errorf("a page has %d holders and counts %d", n, pg.holders)
		}
	}
	if reserved != t.reserved || len(used) != t.pool.inUse {
		return fmt.Errorf("%d pages reserved, %d in use, counted %d and %d", reserved, len(used), t.reserved, t.pool.inUse)
	}
	return nil
}

func openLadder(t testing.TB, size string, o Options) *Backend {
	t.Helper()
	b, err := Open(context.Background(), filepath.Join("ladder", "checkpoints", "seed0", size), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// idle is a backend without schedulers, for tests that step one themselves.
func idle(t testing.TB, size string, o Options, pages int) *scheduler {
	t.Helper()
	b, err := load(context.Background(), os.DirFS(filepath.Join("ladder", "checkpoints", "seed0", size)), size, o)
	if err != nil {
		t.Fatal(err)
	}
	b.schedulers = 1
	b.queue = make(chan *work, 1<<12)
	return newScheduler(b, newCPUExecutor(b.model, b.kernels, nil, o), pages, o)
}

// put hands a request to an idle scheduler.
func (s *scheduler) put(t testing.TB, req backends.Request, cancelled <-chan struct{}) *work {
	t.Helper()
	w, err := s.b.plan(&req)
	if err != nil {
		t.Fatal(err)
	}
	w.cancelled = cancelled
	s.b.inFlight.Add(1)
	s.b.queue <- w
	return w
}

// TestBooks drives a scheduler with random requests, some of them cancelled, under memory limits down to less than one
// text takes, and holds the tree's books against a count after every step.
func TestBooks(t *testing.T) {
	for _, keep := range []bool{true, false} {
		for _, pages := range []int{1, 3, 8, 1000} {
			t.Run(fmt.Sprintf("keep=%v/pages=%d", keep, pages), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(pages), 7))
				s := idle(t, "s1", Options{NoPrefixCache: !keep, StepTokens: 33}, pages)
				var works []*work
				for range 40 {
					for range rng.IntN(12) {
						cancelled := make(chan struct{})
						works = append(works, s.put(t, randomRequest(rng), cancelled))
						if rng.IntN(6) == 0 {
							close(cancelled)
						}
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
				for _, w := range works {
					if len(w.done) != 1 {
						t.Fatal("a request has no answer")
					}
				}
				if s.tree.reserved != 0 {
					t.Errorf("%d pages are reserved at the end", s.tree.reserved)
				}
				if !keep && s.tree.pool.inUse != 0 {
					t.Errorf("%d pages are in use at the end", s.tree.pool.inUse)
				}
				if keep && s.tree.pool.inUse > pages {
					t.Errorf("%d pages are in use at the end, of %d", s.tree.pool.inUse, pages)
				}
			})
		}
	}
}

func stepAndCheck(t *testing.T, s *scheduler) {
	t.Helper()
	if !s.admit() {
		t.Fatal("the queue was closed")
	}
	s.advance()
	if err := s.tree.check(s.live); err != nil {
		t.Fatal(err)
	}
	over := s.tree.reserved > s.tree.limit || s.tree.pool.inUse > s.tree.limit
	if over && len(s.live) > 1 {
		t.Fatalf("%d pages are reserved and %d in use for %d texts, of %d", s.tree.reserved, s.tree.pool.inUse, len(s.live), s.tree.limit)
	}
}

func randomRequest(rng *rand.Rand) backends.Request {
	prompt := ""
	for range rng.IntN(5) {
		prompt += []string{"Map: ab cd", "Add: 12+34 S:", " the old dog", "x", strings.Repeat("abc ", 20)}[rng.IntN(5)]
	}
	switch rng.IntN(3) {
	case 0:
		return backends.Request{Kind: backends.Generate, Prompt: prompt, Draw: rng.IntN(3), Sampling: backends.Sampling{
			MaxTokens: 1 + rng.IntN(90), Temperature: float64(rng.IntN(3)) * 2, Seed: 3,
		}}
	case 1:
		return backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{
			"a", "b", "ab", strings.Repeat("+1", 1+rng.IntN(30)),
		}[:1+rng.IntN(4)]}
	}
	return backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: "S" + strings.Repeat(prompt, 1+rng.IntN(3))}
}

// TestResultsDependOnTheRequestAlone is the contract D1 of determinism: a response is the same, to the bit, alone and
// in batches of several sizes, in any order, with and without texts that are kept, computed one token, sixteen or all
// at once, on any number of threads, with every kernel set, and with little memory.
func TestResultsDependOnTheRequestAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var reqs []backends.Request
	for range 64 {
		reqs = append(reqs, randomRequest(rng))
	}
	var want []backends.Response
	cases, every := 0, os.Getenv("ONSET_EVERY_CASE") != ""
	for _, set := range kernels.All() {
		sparse := 3
		if testing.Short() || set.Name() == "generic" {
			sparse = 12
		}
		for _, atOnce := range []int{1, 2, 3, 7, 64} {
			for _, chunk := range []int{1, 16, maxStepTokens} {
				for _, threads := range []int{1, 2, 16} {
					for _, cache := range []int{1 << 30, -1, 1} {
						// The reference is the first case. Of the others a sample that covers every pair of settings is
						// drawn, unless ONSET_EVERY_CASE is set.
						cases++
						if want != nil && !every && rng.IntN(sparse) > 0 {
							continue
						}
						o := Options{
							Kernels: set.Name(), StepTokens: chunk, Threads: threads, CacheBytes: int64(max(1, cache)),
							NoPrefixCache: cache < 0, apart: 1 - 2*rng.IntN(2),
						}
						got := askShuffled(t, openLadder(t, "s1", o), reqs, atOnce, rng)
						if want == nil {
							want = got
						}
						for i := range got {
							if !reflect.DeepEqual(got[i], want[i]) {
								t.Fatalf("%+v, %d at once: request %d gives %+v, want %+v", o, atOnce, i, got[i], want[i])
							}
						}
					}
				}
			}
		}
	}
	if cases < 135 {
		t.Errorf("%d cases", cases)
	}
}

func askShuffled(t *testing.T, b *Backend, reqs []backends.Request, atOnce int, rng *rand.Rand) []backends.Response {
	t.Helper()
	out := make([]backends.Response, len(reqs))
	group := concpool.New().WithErrors().WithMaxGoroutines(atOnce)
	for _, i := range rng.Perm(len(reqs)) {
		group.Go(func() (err error) {
			out[i], err = b.Do(context.Background(), reqs[i])
			out[i].Latency = 0
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBeginningsAreComputedOnce counts the positions that are computed for requests with a common beginning.
func TestBeginningsAreComputedOnce(t *testing.T) {
	shots := strings.Repeat("Map: ab cd ab cd. ", 5)
	few := func(i int) backends.Request {
		return backends.Request{Kind: backends.LogLikelihood, Prompt: fmt.Sprintf("%s%d: ", shots, 100+i), Continuations: []string{"a", "b", "c", "d"}}
	}
	for _, c := range []struct {
		name    string
		numbers []int
		nothing bool // that is kept
	}{
		{name: "kept", numbers: []int{0, 1, 22, 333}},
		{name: "not kept", numbers: []int{0, 1, 22, 333}, nothing: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := idle(t, "s1", Options{NoPrefixCache: c.nothing}, 100)
			differ := make(map[string]bool)
			for _, i := range c.numbers {
				for _, p := range s.put(t, few(i), nil).parts {
					for n := 1; n < len(p.ids); n++ {
						differ[fmt.Sprint(p.ids[:n])] = true
					}
				}
			}
			s.drain(t)
			if got := int(s.tree.computed); got != len(differ) {
				t.Errorf("%d positions are computed, and %d differ", got, len(differ))
			}
		})
	}
}

func (s *scheduler) drain(t testing.TB) {
	t.Helper()
	for steps := 0; len(s.b.queue)+s.held > 0; steps++ {
		if steps > 100000 || !s.admit() {
			t.Fatal("it does not end")
		}
		s.advance()
	}
}

// TestBeginningsAreKept asks one request after the other: of a later one only what is new is computed, and the place
// whose logits are asked for again.
func TestBeginningsAreKept(t *testing.T) {
	shots := strings.Repeat("Map: ab cd ab cd. ", 5)
	for _, kept := range []bool{true, false} {
		s := idle(t, "s1", Options{NoPrefixCache: !kept}, 100)
		var computed []int64
		for _, prompt := range []string{shots + "abc", shots + "abd", shots + "abd", shots + "x"} {
			before := s.tree.computed
			s.put(t, backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"a", "b"}}, nil)
			s.drain(t)
			computed = append(computed, s.tree.computed-before)
		}
		n := int64(len(s.b.encode(shots + "abc")))
		want := []int64{n, 1, 1, 1}
		if !kept {
			want = []int64{n, n, n, n - 2}
		}
		if !reflect.DeepEqual(computed, want) {
			t.Errorf("kept %v: %v positions are computed, want %v", kept, computed, want)
		}
	}
}

// TestGenerationsMakeRoom lets more generations begin than there is room for in the end: the young ones make room for
// the old, all end, and their texts are those of a scheduler with room for all.
func TestGenerationsMakeRoom(t *testing.T) {
	ask := func(pages int) (texts []string, evictions int) {
		s := idle(t, "s2", Options{}, pages)
		var works []*work
		for draw := range 12 {
			works = append(works, s.put(t, backends.Request{
				Kind: backends.Generate, Prompt: strings.Repeat("The old dog. ", 4), Draw: draw,
				Sampling: backends.Sampling{MaxTokens: 70, Temperature: 20, Seed: 1},
			}, nil))
		}
		s.drain(t)
		for _, w := range works {
			r := <-w.done
			if r.err != nil {
				t.Fatal(r.err)
			}
			texts = append(texts, r.resp.Text)
		}
		return texts, s.evictions
	}
	want, none := ask(1000)
	got, some := ask(9)
	if none != 0 || some == 0 {
		t.Errorf("%d and %d generations made room", none, some)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("with little room the texts are %q, with much %q", got, want)
	}
}

// TestOldestFirst holds that no request waits for ever behind later ones with a common beginning.
func TestOldestFirst(t *testing.T) {
	s := idle(t, "s1", Options{StepTokens: 16}, 4)
	long := strings.Repeat("abc ", 25)
	ask := func(prompt string) *work {
		return s.put(t, backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"x", "yz"}}, nil)
	}
	ask(long + "0")
	s.admit()
	s.advance()
	lonely := ask("zzz")
	for i := range 200 {
		ask(long + fmt.Sprint(i))
		s.admit()
		s.advance()
		if len(lonely.done) == 1 {
			return
		}
	}
	t.Error("a request waits behind all that share a beginning with another")
}

// TestCancelledRequestsFreeTheirPages cancels requests under way.
func TestCancelledRequestsFreeTheirPages(t *testing.T) {
	b := openLadder(t, "s2", Options{Threads: 1})
	ctx, cancel := context.WithCancel(context.Background())
	group := concpool.New()
	for draw := range 50 {
		group.Go(func() {
			_, _ = b.Do(ctx, backends.Request{Kind: backends.Generate, Prompt: "Once", Draw: draw, Sampling: backends.Sampling{MaxTokens: 100, Temperature: 9}})
		})
	}
	time.AfterFunc(5*time.Millisecond, cancel)
	group.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.scheds[0].tree.check(nil); err != nil {
		t.Error(err)
	}
	if n := b.scheds[0].tree.reserved; n != 0 {
		t.Errorf("%d pages are reserved at the end", n)
	}
}

// TestLongTextsChangeTheirAngles generates past the length at which rotary angles change: each token is the best one of
// the whole text so far, computed with the angles of its length.
func TestLongTextsChangeTheirAngles(t *testing.T) {
	b := openLetters(t, "phi3-longrope", Options{Threads: 1})
	defer func() { _ = b.Close() }()
	beyond := b.model.ropes[0].beyond
	if beyond == 0 || b.model.ropes[0].long == nil {
		t.Fatal("the model's angles do not change")
	}
	prompt := strings.Repeat("abc de ", beyond)[:beyond-5]
	ids := b.encode(prompt)
	const n = 20
	if len(ids) > beyond || len(ids)+n <= beyond+2 {
		t.Fatalf("a prompt of %d tokens, and the angles change after %d", len(ids), beyond)
	}
	for range n {
		_, logits := compute(b.model, kernels.Best(), ids, []int{len(ids) - 1}, len(ids))
		ids = append(ids, kernels.Best().ArgMax(logits))
	}
	resp, err := b.Do(context.Background(), backends.Request{Kind: backends.Generate, Prompt: prompt, Sampling: backends.Sampling{MaxTokens: n}})
	if err != nil {
		t.Fatal(err)
	}
	want := b.tok.Decode(ids[len(ids)-n:], true)
	if resp.Text != want || resp.Usage.CompletionTokens != n {
		t.Errorf("the text is %q of %d tokens (%s), want %q", resp.Text, resp.Usage.CompletionTokens, resp.Stop, want)
	}
	if b.scheds[0].evictions != 1 {
		t.Errorf("the text began anew %d times", b.scheds[0].evictions)
	}
}

// TestStepsDoNotAllocate holds that what is done again and again takes no new memory but what the texts themselves need.
func TestStepsDoNotAllocate(t *testing.T) {
	s := idle(t, "s2", Options{}, 1000)
	s.b.model.eos = nil
	for draw := range 64 {
		s.put(t, backends.Request{Kind: backends.Generate, Prompt: "Once upon", Draw: draw, Sampling: backends.Sampling{
			MaxTokens: 110, Temperature: 5, Seed: 1,
		}}, nil)
	}
	for range 70 { // past the first page, and the buffers have their sizes
		s.admit()
		s.advance()
	}
	live := len(s.live)
	if live < 10 {
		t.Fatalf("%d texts are under way", live)
	}
	const steps = 10
	allocs := testing.AllocsPerRun(steps, func() {
		s.admit()
		s.advance()
	})
	if allocs > float64(live)/4 {
		t.Errorf("a step of %d texts allocates %g times", live, allocs)
	}
	t.Logf("a step of %d texts allocates %g times", live, allocs)
}

// TestDefectsEndRequests lets a step panic: the requests under way fail, and later ones are answered.
func TestDefectsEndRequests(t *testing.T) {
	s := idle(t, "s1", Options{}, 100)
	req := backends.Request{Kind: backends.LogLikelihood, Prompt: "ab", Continuations: []string{"c", "d"}}
	var works []*work
	for range 3 {
		works = append(works, s.put(t, req, nil))
	}
	s.admit()
	ex := s.ex.(*cpuExecutor)
	scratch := ex.scratch
	ex.scratch = nil
	s.advance()
	ex.scratch = scratch
	for _, w := range works {
		if r := <-w.done; backends.KindOf(r.err) != backends.KindInternal {
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
