package faultserver

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"time"

	"github.com/go-json-experiment/json"
)

// Script is what a server does beside answering. The zero value answers every call at once.
type Script struct {
	// Latency is how long every answer takes, beside PerToken for each token of it.
	Latency  Duration `json:"latency,omitzero"`
	PerToken Duration `json:"per_token,omitzero"`
	// Slots is the number of calls that are worked on at once, each for its latency; more of them wait in the order of their
	// coming and never fail: the knee of a local server. 0 is no bound.
	Slots int `json:"slots,omitzero"`
	// Slowdown is how much slower each call in Slots makes the others, as a share: at 0.05, twenty calls take twice as long.
	Slowdown float64 `json:"slowdown,omitzero"`
	// RequestsPerWindow and TokensPerWindow bound what is answered, in buckets that fill up evenly; what is over is answered
	// with 429, and every answer carries the limits' headers. 0 is no bound. Tokens are those of prompt and answer.
	RequestsPerWindow int `json:"requests_per_window,omitzero"`
	TokensPerWindow   int `json:"tokens_per_window,omitzero"`
	// Window is the limits' window; 0 is a minute. HideRetryAfter leaves Retry-After out of their 429.
	Window         Duration `json:"window,omitzero"`
	HideRetryAfter bool     `json:"hide_retry_after,omitzero"`
	// Key is the key that callers must show; "" takes every one. EchoKey repeats it in the messages of errors and in broken
	// answers, as careless servers do.
	Key     string `json:"key,omitzero"`
	EchoKey bool   `json:"echo_key,omitzero"`
	// Seed decides which calls a Fault with a Share hits.
	Seed  uint64      `json:"seed,omitzero"`
	Batch BatchScript `json:"batch,omitzero"`
	// Faults are looked at in order; a call has the first that hits it.
	Faults []Fault `json:"faults,omitempty"`
}

// What a fault does to the calls that it hits.
const (
	Status       = "status"        // the Status, with RetryAfter where it is given; 0 is 500
	Stall        = "stall"         // nothing for Delay, then the answer; 0 waits until the caller gives up
	SlowBody     = "slow_body"     // the answer's bytes over Delay
	Reset        = "reset"         // the connection is reset before the answer
	ResetBody    = "reset_body"    // the connection is reset in the middle of the answer
	Truncated    = "truncated"     // half of the JSON, as a whole body
	Malformed    = "malformed"     // JSON with a fault in it
	WrongType    = "wrong_type"    // a web page with status 200
	WrongShape   = "wrong_shape"   // JSON that is no answer
	NullContent  = "null_content"  // an answer whose text is null
	EmptyContent = "empty_content" // an answer whose text is empty
	NoChoices    = "no_choices"    // an answer without a choice
	Duplicate    = "duplicate"     // an answer with two choices that differ
	Refusal      = "refusal"       // the model declines
	Filtered     = "filtered"      // a content filter cut the answer
	Length       = "length"        // the answer was cut by its length
)

// Fault is one thing that goes wrong, and when. Of First, Every, Share and Period each that is given must hold.
type Fault struct {
	Do     string `json:"do"`
	Status int    `json:"status,omitzero"`
	// RetryAfter is sent with Status, as RetryForm has it: "seconds", which "" means, "ms" or "date".
	RetryAfter Duration `json:"retry_after,omitzero"`
	RetryForm  string   `json:"retry_form,omitzero"`
	Delay      Duration `json:"delay,omitzero"`
	// Word is the protocol's word for the failure, as "insufficient_quota"; "" is the face's own for the status.
	Word string `json:"word,omitzero"`

	// Face hits the calls of one face only.
	Face string `json:"face,omitzero"`
	// First hits from the call of this number on, counted from 1; Count bounds how many are hit, 0 does not.
	First int `json:"first,omitzero"`
	Count int `json:"count,omitzero"`
	// Every hits each call whose number is a multiple.
	Every int `json:"every,omitzero"`
	// Share hits calls at random.
	Share float64 `json:"share,omitzero"`
	// Period hits the first call in each stretch of time.
	Period Duration `json:"period,omitzero"`
}

// Duration is a time.Duration that is written as "89s".
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// ReadScript reads a script of a JSON file. A member that it does not know is an error.
func ReadScript(file string) (Script, error) {
	var s Script
	data, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s, json.RejectUnknownMembers(true)); err != nil {
		return s, fmt.Errorf("read %s: %w", file, err)
	}
	return s, s.check()
}

func (s Script) check() error {
	known := map[string]bool{
		Status: true, Stall: true, SlowBody: true, Reset: true, ResetBody: true, Truncated: true, Malformed: true, WrongType: true, WrongShape: true,
		NullContent: true, EmptyContent: true, NoChoices: true, Duplicate: true, Refusal: true, Filtered: true, Length: true,
	}
	for i, f := range s.Faults {
		if !known[f.Do] {
			return fmt.Errorf("fault %d: nothing is called %q", i+1, f.Do)
		}
	}
	return nil
}

// hitter decides which calls a fault hits. It is used under the server's lock.
type hitter struct {
	Fault
	hits int
	last time.Duration // the stretch of Period that was hit last
}

// hit tells whether the call of this number, so long after the start, is hit.
func (h *hitter) hit(face string, n int, since time.Duration, seed uint64) bool {
	switch {
	case h.Face != "" && h.Face != face, n < h.First, h.Count > 0 && h.hits >= h.Count, h.Every > 0 && n%h.Every != 0:
		return false
	case h.Share > 0 && chance(seed, n) >= h.Share:
		return false
	}
	if p := time.Duration(h.Period); p > 0 {
		stretch := since/p + 1
		if stretch == h.last {
			return false
		}
		h.last = stretch
	}
	h.hits++
	return true
}

// chance is a number in [0,1) that depends on its arguments alone.
func chance(seed uint64, n int) float64 {
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	_, _ = h.Write(b[:])
	x := h.Sum64()
	x ^= x >> 33 // the hash's high bits change too little between neighbours
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
