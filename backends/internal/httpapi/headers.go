package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends"
)

// longestWait bounds what a server may ask to wait, so that nonsense does not overflow.
const longestWait = 7 * 24 * time.Hour

// RetryAfter reads how long a server asks to wait: retry-after-ms (milliseconds), else Retry-After, which is seconds, with
// a fraction perhaps, or a date (RFC 9110, section 10.2.3). A date is taken against the server's own Date header where
// there is one, since clocks differ, else against now. It is 0 where the server does not say, or says a time past.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if d, ok := number(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d
	}
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if d, ok := number(value, time.Second); ok {
		return d
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return within(at.Sub(now))
}

// number reads a count of units, with a fraction perhaps.
func number(text string, unit time.Duration) (time.Duration, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(v) {
		return 0, false
	}
	v = min(max(v, 0)*float64(unit), float64(longestWait))
	return time.Duration(v), true
}

func within(d time.Duration) time.Duration { return min(max(d, 0), longestWait) }

// window is one limit as a server tells it.
type window struct {
	limit, remaining int
	reset            time.Duration
}

func (w window) known() bool { return w.limit >= 0 || w.remaining >= 0 }

// Signals reads the rate-limit headers that OpenAI (x-ratelimit-limit-requests and so on; a reset is a duration, "6m0s", or
// seconds) and Anthropic (anthropic-ratelimit-requests-limit and so on; a reset is a time) document, which many servers and
// gateways share. Of Anthropic's several token limits it gives the one that is nearest its end. It is nil where there are none.
func Signals(h http.Header, now time.Time) *backends.Signals {
	requests := openAIWindow(h, "Requests", now)
	tokens := openAIWindow(h, "Tokens", now)
	if !requests.known() {
		requests = anthropicWindow(h, "Requests", now)
	}
	if !tokens.known() {
		tokens = scarcest(anthropicWindow(h, "Tokens", now), anthropicWindow(h, "Input-Tokens", now), anthropicWindow(h, "Output-Tokens", now))
	}
	if !requests.known() && !tokens.known() {
		return nil
	}
	return &backends.Signals{
		RequestsLimit: requests.limit, RequestsRemaining: requests.remaining, RequestsReset: requests.reset,
		TokensLimit: tokens.limit, TokensRemaining: tokens.remaining, TokensReset: tokens.reset,
	}
}

func openAIWindow(h http.Header, what string, now time.Time) window {
	return readWindow(h, "X-Ratelimit-Limit-"+what, "X-Ratelimit-Remaining-"+what, "X-Ratelimit-Reset-"+what, now)
}

func anthropicWindow(h http.Header, what string, now time.Time) window {
	const begin = "Anthropic-Ratelimit-"
	return readWindow(h, begin+what+"-Limit", begin+what+"-Remaining", begin+what+"-Reset", now)
}

func readWindow(h http.Header, limit, remaining, reset string, now time.Time) window {
	w := window{limit: count(h.Get(limit)), remaining: count(h.Get(remaining))}
	if w.known() {
		w.reset = resetIn(h.Get(reset), now)
	}
	return w
}

// scarcest is the known window with the least part left.
func scarcest(all ...window) window {
	best, least := all[0], math.Inf(1)
	for _, w := range all {
		if !w.known() {
			continue
		}
		left := 1.0
		if w.limit > 0 && w.remaining >= 0 {
			left = float64(w.remaining) / float64(w.limit)
		}
		if left < least {
			best, least = w, left
		}
	}
	return best
}

// count reads a number of requests or tokens; -1 is unknown.
func count(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// resetIn reads the time until a window is whole again: a duration as Go writes it ("1m2.5s", "17ms"), seconds, or a time
// as RFC 3339 has it.
func resetIn(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if d, ok := number(text, time.Second); ok {
		return d
	}
	if d, err := time.ParseDuration(text); err == nil {
		return within(d)
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return within(at.Sub(now))
	}
	return 0
}
