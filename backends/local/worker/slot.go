package worker

import (
	"sync"

	"github.com/onset-eval/onset/backends/process"
)

// slot is a GPU: at most one worker is on it.
type slot struct {
	device Device
	turn   chan struct{} // held by who uses the GPU
	// Guarded by turn.
	holds  *entry // whose worker is on it; nil is none
	plugin *process.Plugin

	mu   sync.Mutex // guards warm
	warm *entry     // is holds, for those who do not hold turn
}

func (s *slot) hold(e *entry) {
	s.holds = e
	s.mu.Lock()
	s.warm = e
	s.mu.Unlock()
}

func (s *slot) warmFor() *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.warm
}

// clear ends the worker on the GPU, where there is one. turn is held.
func (s *slot) clear() {
	if s.plugin != nil {
		_ = s.plugin.Close() // its errors are none of the next model's
	}
	s.plugin = nil
	s.hold(nil)
}

// release lets others have the GPU.
func (s *slot) release() { <-s.turn }
