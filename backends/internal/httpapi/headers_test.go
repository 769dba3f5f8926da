package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

var now = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		header http.Header
		want   time.Duration
	}{
		{header(), 0},
		{header("Retry-After", "2"), 2 * time.Second},
		{header("Retry-After", " 0.25 "), 250 * time.Millisecond},
		{header("Retry-After", "-5"), 0},
		{header("Retry-After", "soon"), 0},
		{header("Retry-After", "NaN"), 0},
		{header("Retry-After", "1e300"), 7 * 24 * time.Hour},
		{header("Retry-After", "9", "retry-after-ms", "1500"), 1500 * time.Millisecond},
		{header("Retry-After", "9", "retry-after-ms", "x"), 9 * time.Second},
		{header("Retry-After", "Fri, 27 Nov 2026 10:01:00 GMT"), time.Minute},
		{header("Retry-After", "Fri, 27 Nov 2026 09:01:00 GMT"), 0},
		{header("Retry-After", "Fri, 27 Nov 2026 12:01:00 GMT", "Date", "Fri, 27 Nov 2026 12:00:50 GMT"), 10 * time.Second},
	} {
		if got := httpapi.RetryAfter(tc.header, now); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.header, got, tc.want)
		}
	}
}

func TestSignals(t *testing.T) {
	for name, tc := range map[string]struct {
		header http.Header
		want   *backends.Signals
	}{
		"none":     {header("Retry-After", "2"), nil},
		"nonsense": {header("x-ratelimit-limit-requests", "many"), nil},
		"openai": {
			header("x-ratelimit-limit-requests", "60", "x-ratelimit-remaining-requests", "59", "x-ratelimit-reset-requests", "1s",
				"x-ratelimit-limit-tokens", "150000", "x-ratelimit-remaining-tokens", "149984", "x-ratelimit-reset-tokens", "6m0s"),
			&backends.Signals{RequestsLimit: 60, RequestsRemaining: 59, RequestsReset: time.Second,
				TokensLimit: 150000, TokensRemaining: 149984, TokensReset: 6 * time.Minute},
		},
		"part of it": {header("x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "17ms"),
			&backends.Signals{RequestsLimit: -1, RequestsRemaining: -1, TokensLimit: -1, TokensRemaining: 0, TokensReset: 17 * time.Millisecond}},
		"seconds": {header("x-ratelimit-remaining-requests", "4", "x-ratelimit-reset-requests", "2.5"),
			&backends.Signals{RequestsLimit: -1, RequestsRemaining: 4, RequestsReset: 2500 * time.Millisecond, TokensLimit: -1, TokensRemaining: -1}},
		"anthropic": {
			header("anthropic-ratelimit-requests-limit", "50", "anthropic-ratelimit-requests-remaining", "49", "anthropic-ratelimit-requests-reset", "2026-11-27T10:00:01Z",
				"anthropic-ratelimit-input-tokens-limit", "1000", "anthropic-ratelimit-input-tokens-remaining", "900", "anthropic-ratelimit-input-tokens-reset", "2026-11-27T10:00:02Z",
				"anthropic-ratelimit-output-tokens-limit", "100", "anthropic-ratelimit-output-tokens-remaining", "10", "anthropic-ratelimit-output-tokens-reset", "2026-11-27T10:00:54Z"),
			&backends.Signals{RequestsLimit: 50, RequestsRemaining: 49, RequestsReset: time.Second, TokensLimit: 100, TokensRemaining: 10, TokensReset: 54 * time.Second},
		},
	} {
		if d := cmp.Diff(tc.want, httpapi.Signals(tc.header, now)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
