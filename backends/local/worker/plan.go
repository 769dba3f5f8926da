package worker

import (
	"cmp"
	"slices"
)

// GPU is a device as Plan sees it.
type GPU struct {
	Ordinal int
	// Free is the bytes that a model may take. Of a busy GPU it is what will be free again when its model is done.
	Free int64
	// Kind names what decides a result's bits; see Device.Kind.
	Kind string
	// Busy is true of a GPU that holds a model that is being asked.
	Busy bool
}

// Job is a model as Plan sees it.
type Job struct {
	// ID names the model in a Placement.
	ID int
	// Need is the least bytes of a GPU's memory that the model takes.
	Need int64
	// Work is how much there is to compute, in any unit that is the same for all jobs. It decides who gets a GPU that
	// nobody waits for.
	Work float64
	// Kind is the kind of GPU that the model has to run on, since the run says that it does; "" is any.
	Kind string
	// On is the number of GPUs that the model runs on; 0 waits for its first.
	On int
	// Spread lets it have more than one, of one kind.
	Spread bool
	// Only lists the GPUs that it may be on, by their ordinals; nil is all.
	Only []int
}

// Placement has a job run on a GPU.
type Placement struct {
	Job     int // Job.ID
	Ordinal int // GPU.Ordinal
}

// fits reports whether a job may run on a GPU.
func (j Job) fits(g GPU) bool {
	return j.Need <= g.Free && (j.Kind == "" || j.Kind == g.Kind) && (j.Only == nil || slices.Contains(j.Only, g.Ordinal))
}

// Plan says which jobs get which of the GPUs that are not busy.
//
// The GPU with the most free memory takes the largest waiting job that fits it, then the next one: so the largest models,
// which take longest, are begun first, and each GPU is given a waiting job as long as one fits. No assignment could start
// more jobs: what fits a GPU fits every one with more memory, unless jobs are bound to a kind or to some
// GPUs. GPUs that no waiting job
// fits are given to the jobs that may be spread and have the most work for each GPU that they are on.
func Plan(gpus []GPU, jobs []Job) []Placement {
	idle := slices.DeleteFunc(slices.Clone(gpus), func(g GPU) bool { return g.Busy })
	slices.SortFunc(idle, func(a, b GPU) int { return cmp.Or(cmp.Compare(b.Free, a.Free), cmp.Compare(a.Ordinal, b.Ordinal)) })
	jobs = slices.Clone(jobs)
	slices.SortStableFunc(jobs, func(a, b Job) int { return cmp.Or(cmp.Compare(b.Need, a.Need), cmp.Compare(a.ID, b.ID)) })
	var out []Placement
	var left []GPU
	for _, g := range idle {
		i := slices.IndexFunc(jobs, func(j Job) bool { return j.On == 0 && j.fits(g) })
		if i < 0 {
			left = append(left, g)
			continue
		}
		out = append(out, jobs[i].placed(g))
	}
	for _, g := range left {
		best := -1
		for i, j := range jobs {
			if j.Spread && j.On > 0 && j.fits(g) && (best < 0 || j.Work/float64(j.On) > jobs[best].Work/float64(jobs[best].On)) {
				best = i
			}
		}
		if best >= 0 {
			out = append(out, jobs[best].placed(g))
		}
	}
	return out
}

// placed notes that the job has one GPU more, to whose kind it is bound from now on.
func (j *Job) placed(g GPU) Placement {
	j.On++
	j.Kind = g.Kind
	return Placement{Job: j.ID, Ordinal: g.Ordinal}
}

// Schedule plays out how the jobs would run, each taking its Work in time on one GPU, and gives the kind of GPU that each
// begins on; "" is of a job that fits none. A run has to name a model's kind before the first request.
func Schedule(gpus []GPU, jobs []Job) map[int]string {
	kinds := make(map[int]string, len(jobs))
	waiting := slices.Clone(jobs)
	now := slices.Clone(gpus)
	until := make([]float64, len(now)) // when each is idle again
	for len(waiting) > 0 {
		for _, p := range Plan(now, alone(waiting)) {
			g := slices.IndexFunc(now, func(g GPU) bool { return g.Ordinal == p.Ordinal })
			j := slices.IndexFunc(waiting, func(j Job) bool { return j.ID == p.Job })
			now[g].Busy = true
			until[g] += max(waiting[j].Work, 1e-9)
			kinds[p.Job] = now[g].Kind
			waiting = slices.Delete(waiting, j, j+1)
		}
		next := -1
		for i, g := range now {
			if g.Busy && (next < 0 || until[i] < until[next]) {
				next = i
			}
		}
		if next < 0 {
			break // what waits fits none
		}
		now[next].Busy = false
		for i, g := range now { // who had nothing to do has let the time pass
			if !g.Busy && until[i] < until[next] {
				until[i] = until[next]
			}
		}
	}
	return kinds
}

// alone gives the jobs with one GPU each.
func alone(jobs []Job) []Job {
	jobs = slices.Clone(jobs)
	for i := range jobs {
		jobs[i].Spread = false
	}
	return jobs
}
