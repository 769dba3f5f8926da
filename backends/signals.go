package backends

import "time"

// Signals are what a server said of its limits beside an answer or a refusal, in the rate-limit headers that OpenAI and
// Anthropic document. A count that the server did not give is -1 and a time that it did not give is 0.
type Signals struct {
	// RequestsLimit and TokensLimit are what the server allows in its window, usually a minute.
	RequestsLimit, TokensLimit int
	// RequestsRemaining and TokensRemaining are what is left of the window.
	RequestsRemaining, TokensRemaining int
	// RequestsReset and TokensReset are how long it takes until the allowance is whole again.
	RequestsReset, TokensReset time.Duration
}
