package runlog

import "sync"

// rememberedPrompts bounds the digests that a Writer remembers. A prompt that comes back later than that
// is written again, which does no harm.
const rememberedPrompts = 1 << 15

// recent remembers strings in two generations of at most half its size: when the young one is full, it
// becomes the old one, which is forgotten. A string is remembered for at least half the size more additions.
type recent struct {
	half       int
	mu         sync.Mutex // guards the generations
	young, old map[string]struct{}
}

func newRecent(size int) *recent {
	return &recent{half: max(1, size/2), young: make(map[string]struct{})}
}

func (r *recent) has(s string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.young[s]; ok {
		return true
	}
	_, ok := r.old[s]
	return ok
}

func (r *recent) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.young) >= r.half {
		r.old, r.young = r.young, make(map[string]struct{}, r.half)
	}
	r.young[s] = struct{}{}
}
