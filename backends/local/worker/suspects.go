package worker

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"sync"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/process"
)

// suspects keeps apart the requests that were in hand when a worker ended. One of them may be the cause, and would have all
// that are in hand with it fail each time that it is tried again, until each has used up its attempts. So the more ends a
// request was part of, the fewer such requests are in hand at once: from the second on an eighth of what is usual, then an
// eighth of that, and at last one. A request that ends every worker is then by itself in its sixth attempt, the last that a
// run makes by default, and any other that was in hand with it before still has one left. What was in hand at no end goes
// by freely.
type suspects struct {
	mu      sync.Mutex        // guards what follows
	ends    map[uint64]int    // of workers, by request; only those that were part of any
	inHand  [mostEnds + 1]int // requests by their ends
	changed chan struct{}     // closed when one of them is done; nil where nobody waits
}

// mostEnds is the number of ends from which on they are not told apart.
const mostEnds = 5

// admit waits until the request may be sent, of which most are usual at once; release says how it ended.
func (s *suspects) admit(ctx context.Context, req *backends.Request, most int) (release func(error), err error) {
	for {
		n, wait := s.enter(req, most)
		if wait == nil {
			return func(err error) { s.leave(req, n, err) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// enter counts the request in, or gives a channel to wait for.
func (s *suspects) enter(req *backends.Request, most int) (ends int, wait <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ends) > 0 {
		ends = min(s.ends[identity(req)], mostEnds)
	}
	if ends == 0 {
		return 0, nil
	}
	limit := most
	for range ends - 1 {
		limit /= 8
	}
	if ends == mostEnds {
		limit = 1
	}
	others := 0
	for _, n := range s.inHand[ends:] {
		others += n
	}
	if others < max(1, limit) {
		s.inHand[ends]++
		return ends, nil
	}
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return 0, s.changed
}

// leave counts the request out, and notes whether it was part of a worker's end.
func (s *suspects) leave(req *backends.Request, ends int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, process.ErrEnded):
		if s.ends == nil {
			s.ends = make(map[uint64]int)
		}
		s.ends[identity(req)]++
	case ends > 0 && err == nil:
		delete(s.ends, identity(req))
	}
	if ends == 0 {
		return
	}
	s.inHand[ends]--
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// identity tells requests apart.
func identity(req *backends.Request) uint64 {
	h := fnv.New64a()
	texts := append([]string{string(req.Kind), req.Prompt}, req.Continuations...)
	for _, m := range req.Messages {
		texts = append(texts, m.Role, m.Content)
	}
	var size [8]byte
	for _, t := range texts {
		binary.LittleEndian.PutUint64(size[:], uint64(len(t)))
		_, _ = h.Write(size[:])
		_, _ = io.WriteString(h, t)
	}
	binary.LittleEndian.PutUint64(size[:], uint64(req.Draw))
	_, _ = h.Write(size[:])
	return h.Sum64()
}
