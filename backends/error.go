package backends

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrorKind says what went wrong in a request, and so what to do about it.
type ErrorKind string

// The kinds of error. Temporary ones may go away by themselves and are retried.
const (
	KindRateLimit   ErrorKind = "rate_limit"  // temporary: too many requests or tokens
	KindOverloaded  ErrorKind = "overloaded"  // temporary: the server says that it is too busy
	KindServer      ErrorKind = "server"      // temporary: the server failed
	KindNetwork     ErrorKind = "network"     // temporary: no answer, or a broken one
	KindTimeout     ErrorKind = "timeout"     // temporary: one attempt took too long
	KindAuth        ErrorKind = "auth"        // the key is missing, wrong or not allowed
	KindNotFound    ErrorKind = "not_found"   // no such model
	KindInvalid     ErrorKind = "invalid"     // the request is malformed
	KindTooLong     ErrorKind = "too_long"    // the prompt does not fit the model's context
	KindUnsupported ErrorKind = "unsupported" // the backend does not serve this kind or option
	KindRefused     ErrorKind = "refused"     // a content filter stopped the request
	KindQuota       ErrorKind = "quota"       // the account's money or allowance is spent
	KindClosed      ErrorKind = "closed"      // the backend was closed
	KindInternal    ErrorKind = "internal"    // a defect in the backend
)

// Temporary reports whether a request that failed in this way may succeed when tried again.
func (k ErrorKind) Temporary() bool {
	switch k {
	case KindRateLimit, KindOverloaded, KindServer, KindNetwork, KindTimeout:
		return true
	}
	return false
}

// Error is the failure of a request.
type Error struct {
	Kind ErrorKind
	// Op says what was being done and on what, for people: "score continuation 2".
	Op string
	// RetryAfter is how long the backend asks to wait before the next attempt; 0 where it does not say.
	RetryAfter time.Duration
	// Attempts counts the calls that were made; Retry sets it.
	Attempts int
	// Status is the HTTP status of the answer; 0 where there was none.
	Status int
	// Signals are what the server said of its limits; nil where it said nothing.
	Signals *Signals
	Err     error
}

func (e *Error) Error() string {
	msg := string(e.Kind)
	if e.Op != "" {
		msg = e.Op + ": " + msg
	}
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an *Error of kind k; format and args are those of fmt.Errorf and make its cause.
func Errorf(k ErrorKind, op, format string, args ...any) *Error {
	return &Error{Kind: k, Op: op, Err: fmt.Errorf(format, args...)}
}

// KindOf gives the kind of err: that of the *Error in its chain, else KindInternal. It gives "" for nil
// and for the end of a context, which is nobody's failure.
func KindOf(err error) ErrorKind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ""
	}
	return KindInternal
}
