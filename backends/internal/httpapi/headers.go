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

// windowNames are the headers of one limit, in canonical form.
type windowNames struct{ limit, remaining, reset string }

var (
	openAIRequests = windowNames{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"}
	openAITokens   = windowNames{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"}

	anthropicRequests = windowNames{"Anthropic-Ratelimit-Requests-Limit", "Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset"}
	anthropicTokens   = []windowNames{
		{"Anthropic-Ratelimit-Tokens-Limit", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset"},
		{"Anthropic-Ratelimit-Input-Tokens-Limit", "Anthropic-Ratelimit-Input-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Reset"},
		{"Anthropic-Ratelimit-Output-Tokens-Limit", "Anthropic-Ratelimit-Output-Tokens-Remaining", "Anthropic-Ratelimit-Output-Tokens-Reset"},
	}
)

// Signals reads the rate-limit headers that OpenAI (x-ratelimit-limit-requests and so on; a reset is a duration, "6m0s", or
// seconds) and Anthropic (anthropic-ratelimit-requests-limit and so on; a reset is a time) document, which many servers and
// gateways share. Of Anthropic's several token limits it gives the one that is nearest its end. It is nil where there are none.
func Signals(h http.Header, now time.Time) *backends.Signals {
	requests, tokens := readWindow(h, openAIRequests, now), readWindow(h, openAITokens, now)
	if !requests.known() && !tokens.known() {
		requests = readWindow(h, anthropicRequests, now)
		for _, names := range anthropicTokens {
			tokens = scarcer(tokens, readWindow(h, names, now))
		}
	}
	if !requests.known() && !tokens.known() {
		return nil
	}
	return &backends.Signals{
		RequestsLimit: requests.limit, RequestsRemaining: requests.remaining, RequestsReset: requests.reset,
		TokensLimit: tokens.limit, TokensRemaining: tokens.remaining, TokensReset: tokens.reset,
	}
}

func readWindow(h http.Header, names windowNames, now time.Time) window {
	w := window{limit: count(get(h, names.limit)), remaining: count(get(h, names.remaining))}
	if w.known() {
		w.reset = resetIn(get(h, names.reset), now)
	}
	return w
}

// get gives a header by its canonical name, without the work of finding that out.
func get(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// scarcer is the window of which the least part is left, of those that are known.
func scarcer(a, b window) window {
	if !a.known() || b.known() && b.left() < a.left() {
		return b
	}
	return a
}

// left is the part of a window that is left.
func (w window) left() float64 {
	if w.limit > 0 && w.remaining >= 0 {
		return float64(w.remaining) / float64(w.limit)
	}
	return 1
}

// count reads a number of requests or tokens; -1 is unknown.
func count(text string) int {
	if text == "" {
		return -1
	}
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
