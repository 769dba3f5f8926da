package worker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/onset-eval/onset/backends"
)

const gib = 1 << 30

func TestPlan(t *testing.T) {
	gpu := func(n int, free int64) GPU { return GPU{Ordinal: n, Free: free * gib, Kind: "H100"} }
	job := func(id int, need int64) Job { return Job{ID: id, Need: need * gib, Work: float64(need)} }
	spread := func(j Job) Job { j.Spread = true; return j }
	busy := func(g GPU) GPU { g.Busy = true; return g }
	for _, c := range []struct {
		name string
		gpus []GPU
		jobs []Job
		want []Placement
	}{
		{"nothing to place", []GPU{gpu(0, 80)}, nil, nil},
		{"no GPU", nil, []Job{job(0, 1)}, nil},
		{"the largest first", []GPU{gpu(0, 80)}, []Job{job(0, 10), job(1, 70), job(2, 20)}, []Placement{{1, 0}}},
		{"the largest that fits", []GPU{gpu(0, 24)}, []Job{job(0, 10), job(1, 70), job(2, 20)}, []Placement{{2, 0}}},
		{"unlike GPUs", []GPU{gpu(0, 24), gpu(1, 80)}, []Job{job(0, 10), job(1, 70), job(2, 20)}, []Placement{{1, 1}, {2, 0}}},
		{"the small GPU is not idle while a small model waits", []GPU{gpu(0, 24), gpu(1, 80)}, []Job{job(0, 10), job(1, 30)}, []Placement{{1, 1}, {0, 0}}},
		{"none fits", []GPU{gpu(0, 24)}, []Job{job(0, 70)}, nil},
		{"exactly full", []GPU{gpu(0, 24)}, []Job{job(0, 24)}, []Placement{{0, 0}}},
		{"busy GPUs stay", []GPU{busy(gpu(0, 80)), gpu(1, 80)}, []Job{job(0, 10), job(1, 20)}, []Placement{{1, 1}}},
		{"one model on all", []GPU{gpu(0, 80), gpu(1, 80), gpu(2, 8)}, []Job{spread(job(0, 20))}, []Placement{{0, 0}, {0, 1}}},
		{"one model on one", []GPU{gpu(0, 80), gpu(1, 80)}, []Job{job(0, 20)}, []Placement{{0, 0}}},
		{"waiting models before a second GPU", []GPU{gpu(0, 80), gpu(1, 80), gpu(2, 80)}, []Job{spread(job(0, 30)), spread(job(1, 10))}, []Placement{{0, 0}, {1, 1}, {0, 2}}},
		{"a running model grows", []GPU{busy(gpu(0, 80)), gpu(1, 80)}, []Job{{ID: 4, Need: gib, Work: 1, On: 1, Spread: true, Kind: "H100"}}, []Placement{{4, 1}}},
		{"but not onto another kind", []GPU{busy(gpu(0, 80)), {Ordinal: 1, Free: 80 * gib, Kind: "A100"}}, []Job{{ID: 4, Need: gib, Work: 1, On: 1, Spread: true, Kind: "H100"}}, nil},
		{"a model bound to a kind", []GPU{gpu(0, 80), {Ordinal: 1, Free: 40 * gib, Kind: "A100"}}, []Job{{ID: 0, Need: gib, Kind: "A100"}}, []Placement{{0, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Plan(c.gpus, c.jobs)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func drawPlan(t *rapid.T) ([]GPU, []Job) {
	var gpus []GPU
	kinds := []string{"H100", "A100"}[:rapid.IntRange(1, 2).Draw(t, "kinds")]
	for i := range rapid.IntRange(0, 6).Draw(t, "gpus") {
		gpus = append(gpus, GPU{Ordinal: i, Free: rapid.Int64Range(0, 12).Draw(t, "free"), Busy: rapid.Bool().Draw(t, "busy"), Kind: rapid.SampledFrom(kinds).Draw(t, "kind")})
	}
	var jobs []Job
	for i := range rapid.IntRange(0, 7).Draw(t, "jobs") {
		j := Job{ID: 10 + i, Need: rapid.Int64Range(0, 14).Draw(t, "need"), Work: float64(rapid.IntRange(1, 9).Draw(t, "work")), Spread: rapid.Bool().Draw(t, "spread")}
		if rapid.IntRange(0, 3).Draw(t, "free to choose") == 0 {
			j.Only = rapid.SliceOfDistinct(rapid.IntRange(0, 5), func(n int) int { return n }).Draw(t, "only")
		}
		if j.On = rapid.IntRange(0, 2).Draw(t, "on"); j.On > 0 {
			j.Kind = rapid.SampledFrom(kinds).Draw(t, "bound")
		}
		jobs = append(jobs, j)
	}
	return gpus, jobs
}

// TestPlanProperties holds what Plan promises on random machines: no GPU is given more than it holds, or while it is busy,
// or twice; none idles while a waiting model fits, nor while one that may be spread does; and with one kind of GPU no plan
// starts more models.
func TestPlanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gpus, jobs := drawPlan(t)
		plan := Plan(gpus, jobs)
		used, count, kind := make(map[int]bool), make(map[int]int), make(map[int]string)
		for _, p := range plan {
			g := gpus[p.Ordinal]
			j := jobs[p.Job-10]
			switch {
			case g.Busy || used[p.Ordinal]:
				t.Fatalf("%v: the GPU is taken", p)
			case j.Need > g.Free:
				t.Fatalf("%v: over memory", p)
			case j.Only != nil && !slices.Contains(j.Only, p.Ordinal):
				t.Fatalf("%v: not one of %v", p, j.Only)
			case j.Kind != "" && j.Kind != g.Kind, kind[p.Job] != "" && kind[p.Job] != g.Kind:
				t.Fatalf("%v: another kind", p)
			}
			used[p.Ordinal], kind[p.Job] = true, g.Kind
			count[p.Job]++
		}
		started := 0
		for _, j := range jobs {
			if n := count[j.ID]; n+j.On > 1 && n > 0 && !j.Spread {
				t.Fatalf("job %d is spread", j.ID)
			}
			if j.On == 0 && count[j.ID] > 0 {
				started++
			}
			for _, g := range gpus {
				if g.Busy || used[g.Ordinal] || !j.fits(g) {
					continue
				}
				if j.On == 0 && count[j.ID] == 0 {
					t.Fatalf("GPU %d idles while job %d waits and fits", g.Ordinal, j.ID)
				}
				if j.Spread && (kind[j.ID] == "" || kind[j.ID] == g.Kind) {
					t.Fatalf("GPU %d idles and job %d may be spread", g.Ordinal, j.ID)
				}
			}
		}
		bound := func(j Job) bool { return j.Only != nil }
		if most := mostStarted(gpus, jobs); started < most && !slices.ContainsFunc(jobs, bound) {
			t.Fatalf("%d jobs are started, and %d could be", started, most)
		}
	})
}

// mostStarted is the size of the largest matching of waiting jobs and idle GPUs, by augmenting paths.
func mostStarted(gpus []GPU, jobs []Job) int {
	on := make(map[int]int) // GPU to job
	var try func(j int, seen map[int]bool) bool
	try = func(j int, seen map[int]bool) bool {
		for g := range gpus {
			if gpus[g].Busy || seen[g] || !jobs[j].fits(gpus[g]) {
				continue
			}
			seen[g] = true
			if held, ok := on[g]; !ok || try(held, seen) {
				on[g] = j
				return true
			}
		}
		return false
	}
	n := 0
	for j := range jobs {
		if jobs[j].On == 0 && try(j, make(map[int]bool)) {
			n++
		}
	}
	return n
}

// TestSchedule sees that every job that fits some GPU is given a kind that it fits, and that unlike GPUs share the work.
func TestSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gpus, jobs := drawPlan(t)
		for i := range gpus {
			gpus[i].Busy = false
		}
		for i := range jobs {
			jobs[i].On, jobs[i].Kind = 0, ""
		}
		kinds := Schedule(gpus, jobs)
		for _, j := range jobs {
			fits := slices.ContainsFunc(gpus, j.fits)
			if kind, ok := kinds[j.ID]; ok != fits {
				t.Fatalf("job %d has the kind %q; it fits: %v", j.ID, kind, fits)
			} else if ok && !slices.ContainsFunc(gpus, func(g GPU) bool { return g.Kind == kind && j.fits(g) }) {
				t.Fatalf("job %d has the kind %q, which it does not fit", j.ID, kind)
			}
		}
	})
	var jobs []Job
	for i := range 8 {
		jobs = append(jobs, Job{ID: i, Need: int64(i + 1), Work: float64(i + 1)})
	}
	kinds := Schedule([]GPU{{Ordinal: 0, Free: 8, Kind: "large"}, {Ordinal: 1, Free: 5, Kind: "small"}}, jobs)
	got := ""
	for i := range jobs {
		got += kinds[i][:1]
	}
	// 8 and 5 begin. The small one is done at 5 and takes 4, at 9 takes 3, at 12 takes 2, at 14 takes 1; the large one is done
	// at 8 and takes 7, at 15 takes 6.
	if want := "ssssslll"; got != want {
		t.Errorf("kinds %s, want %s", got, want)
	}
}

// TestChoose sees that workers' loads stay within a quarter of their share, even where all requests have one prompt.
func TestChoose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := new(Model)
		n := rapid.IntRange(1, 5).Draw(t, "workers")
		for i := range n {
			m.members = append(m.members, &member{slot: &slot{device: Device{Ordinal: i}}})
		}
		one := rapid.Bool().Draw(t, "one prompt")
		for i := range rapid.IntRange(1, 100).Draw(t, "requests") {
			prompt := "same"
			if !one {
				prompt = fmt.Sprint(i)
			}
			w, err := m.choose(&backends.Request{Prompt: prompt})
			if err != nil {
				t.Fatal(err)
			}
			if share := float64(i+1) / float64(n); float64(w.inFlight) > 1.25*share+1 {
				t.Fatalf("request %d is the %d. on its worker of %d", i, w.inFlight, n)
			}
		}
	})
}
