package runlog

import (
	"slices"
	"time"
)

// Canonical gives r without what differs between runs that are otherwise equal: attempts, latencies, times,
// whether a cache answered, what the server's own cache held, and what that cost. The slices of r stay as they are.
func Canonical(r Record) Record {
	r.Attempts, r.Latency, r.At = 0, 0, time.Time{}
	r.Responses = slices.Clone(r.Responses)
	for i := range r.Responses {
		r.Responses[i].Attempts, r.Responses[i].Latency, r.Responses[i].Cached = 0, 0, false
		r.Responses[i].Usage.CachedTokens, r.Responses[i].Usage.CostUSD = 0, 0
	}
	return r
}

// Sorted reads all records of the run in dir in canonical form, ordered by key. It is for runs that fit the memory.
func Sorted(dir string) ([]Record, error) {
	var out []Record
	for r, err := range Read(dir) {
		if err != nil {
			return nil, err
		}
		out = append(out, Canonical(r))
	}
	slices.SortFunc(out, func(a, b Record) int { return a.Compare(b.Key) })
	return out, nil
}
