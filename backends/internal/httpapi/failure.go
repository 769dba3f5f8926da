package httpapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
)

// longestMessage bounds what is quoted of a server's words, in bytes.
const longestMessage = 500

// KindOfStatus gives the kind of failure that an HTTP status stands for by itself; "" for one that is none.
func KindOfStatus(status int) backends.ErrorKind {
	switch status {
	case http.StatusTooManyRequests:
		return backends.KindRateLimit
	case http.StatusServiceUnavailable, 529: // 529 is Anthropic's "overloaded"
		return backends.KindOverloaded
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return backends.KindAuth
	case http.StatusNotFound, http.StatusGone:
		return backends.KindNotFound
	case http.StatusPaymentRequired:
		return backends.KindQuota
	case http.StatusRequestEntityTooLarge:
		return backends.KindTooLong
	case http.StatusRequestTimeout:
		return backends.KindTimeout
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return backends.KindUnsupported
	case http.StatusConflict, http.StatusTooEarly:
		return backends.KindServer // a lock that was not had in time
	}
	switch {
	case status >= 500:
		return backends.KindServer
	case status >= 300:
		return backends.KindInvalid // a redirect to nowhere among them
	}
	return ""
}

// Failure is what a server said of why it did not answer, in the shapes that are in use: OpenAI's and Anthropic's and
// Google's {"error": {…}}, {"error": "text"}, FastAPI's {"detail": …}, and {"message": …}.
type Failure struct {
	Message string
	// Type, Code and Status are the server's own words for the kind of failure: "insufficient_quota", "RESOURCE_EXHAUSTED".
	Type, Code, Status string
}

// Words are the server's words for the kind of failure, in lower case and one string.
func (f Failure) words() string { return strings.ToLower(f.Type + " " + f.Code + " " + f.Status) }

// ReadFailure reads a body that came with a status that is none of success. A body in none of the known shapes is quoted,
// as far as it is text.
func ReadFailure(header http.Header, body []byte) Failure {
	var top map[string]jsontext.Value
	if json.Unmarshal(body, &top, lenient) == nil {
		inner := top
		if v := top["error"]; v.Kind() == '{' {
			inner = nil
			_ = json.Unmarshal(v, &inner, lenient) // it is part of a text that was read
		}
		f := Failure{Type: text(inner, "type"), Code: text(inner, "code"), Status: text(inner, "status")}
		if f.Type == "" {
			f.Type = text(inner, "error_type") // TGI
		}
		for _, name := range []string{"message", "error", "detail", "details"} {
			if f.Message = text(inner, name); f.Message != "" {
				break
			}
		}
		f.Message = quotable(f.Message)
		return f
	}
	if strings.Contains(header.Get("Content-Type"), "html") {
		if m := title.FindSubmatch(body); m != nil {
			return Failure{Message: quotable("a web page titled " + string(m[1]))}
		}
		return Failure{Message: "a web page"}
	}
	return Failure{Message: quotable(string(body))}
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// text gives a member as text: a string as it is, another value as JSON has it, null and nothing as "".
func text(object map[string]jsontext.Value, name string) string {
	v := object[name]
	switch {
	case len(v) == 0 || v.Kind() == 'n':
		return ""
	case v.Kind() == '"':
		var s string
		_ = json.Unmarshal(v, &s, lenient) // it is part of a text that was read
		return s
	}
	return string(v)
}

// quotable cuts a text to a length for a message, on one line.
func quotable(s string) string {
	if len(s) > longestMessage {
		s = strings.ToValidUTF8(s[:longestMessage], "") + "…"
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.TrimSpace(s)
}

// tooLong are the words by which servers say that a prompt does not fit, in lower case: OpenAI, vLLM, SGLang, llama-server,
// TGI, Anthropic, Gemini.
var tooLong = []string{
	"context_length_exceeded", "maximum context length", "longer than the model's context length", "exceed_context_size",
	"exceeds the available context size", "must have less than", "must be <= ", "prompt is too long", "input token count",
	"context window",
}

// kindOf refines the kind of a status by what the server said. Servers have no field that tells a spent account from a
// limit, or a prompt that does not fit from another bad request, except in their words.
func kindOf(status int, f Failure) backends.ErrorKind {
	kind := KindOfStatus(status)
	words, message := f.words(), strings.ToLower(f.Message)
	has := func(s string) bool { return strings.Contains(words, s) }
	switch kind {
	case backends.KindRateLimit, backends.KindAuth, backends.KindInvalid:
		if has("insufficient_quota") || has("billing") || has("credit") || strings.Contains(message, "credit balance") {
			return backends.KindQuota
		}
	}
	if kind == backends.KindInvalid {
		switch {
		case has("content_filter") || has("content_policy") || has("moderation"):
			return backends.KindRefused
		case has("model_not_found"):
			return backends.KindNotFound
		}
		for _, phrase := range tooLong {
			if has(phrase) || strings.Contains(message, phrase) {
				return backends.KindTooLong
			}
		}
	}
	return kind
}

// statusFailure makes the error of an answer whose status is none of success.
func (c *Client) statusFailure(op string, a *Answer) *backends.Error {
	f := ReadFailure(a.Header, a.Body)
	f.Message = c.Redact(f.Message) // it may have been hidden by escapes
	now := c.now()
	message := fmt.Sprintf("status %d (%s)", a.Status, http.StatusText(a.Status))
	if http.StatusText(a.Status) == "" {
		message = fmt.Sprintf("status %d", a.Status)
	}
	if f.Message != "" {
		message += ": " + f.Message
	}
	e := &backends.Error{
		Kind: kindOf(a.Status, f), Op: op, Status: a.Status, RetryAfter: RetryAfter(a.Header, now),
		Signals: Signals(a.Header, now), Err: errors.New(message),
	}
	switch e.Kind {
	case backends.KindAuth:
		e.Err = hinted(e.Err, c.opts.KeyHint)
	case backends.KindNotFound:
		e.Err = hinted(e.Err, "look at the model's name and at base_url")
	}
	if c.opts.Refine != nil {
		c.opts.Refine(e, f, a)
	}
	return e
}

// StatusError makes the error of an answer with a status that is none of success, which came another way than as the answer
// to a call, as in a batch.
func (c *Client) StatusError(op string, status int, body []byte) *backends.Error {
	return c.statusFailure(op, &Answer{Status: status, Body: body})
}

// broken makes the error of an answer that cannot be used as it is, and may be whole another time.
func broken(op string, status int, format string, args ...any) *backends.Error {
	return &backends.Error{Kind: backends.KindNetwork, Op: op, Status: status, Err: fmt.Errorf(format, args...)}
}

// networkFailure makes the error of a call that brought no answer.
func (c *Client) networkFailure(ctx context.Context, op string, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errTooSlow) {
		return backends.Errorf(backends.KindTimeout, op, "no whole answer within %v", c.opts.Timeout)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, ctx.Err())
	}
	var (
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		noRoots  x509.SystemRootsError
		record   tls.RecordHeaderError
		resolver *net.DNSError
		slow     net.Error
	)
	words := errors.New(c.Redact(quotable(err.Error()))) // it may quote what the server sent
	switch {
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &noRoots):
		return &backends.Error{Kind: backends.KindAuth, Op: op, Err: hinted(fmt.Errorf("the server did not prove who it is, so nothing was sent: %w", words),
			"where the server's certificate is of an authority of your own, name that one's PEM file in SSL_CERT_FILE")}
	case errors.As(err, &record):
		return &backends.Error{Kind: backends.KindInvalid, Op: op, Err: hinted(fmt.Errorf("the server does not speak TLS: %w", words), "write http:// in base_url if it has no TLS")}
	case errors.As(err, &resolver) && resolver.IsNotFound:
		return &backends.Error{Kind: backends.KindNetwork, Op: op, Err: hinted(words, "look at the host's name in base_url, and at the proxy's")}
	case errors.As(err, &slow) && slow.Timeout():
		return &backends.Error{Kind: backends.KindTimeout, Op: op, Err: words}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken(op, 0, "the server closed the connection without an answer")
	}
	return &backends.Error{Kind: backends.KindNetwork, Op: op, Err: words}
}

// hintError is an error that tells what to do about it.
type hintError struct {
	error
	hint string
}

// Hint says what to do.
func (e *hintError) Hint() string  { return e.hint }
func (e *hintError) Unwrap() error { return e.error }

func hinted(err error, hint string) error {
	if hint == "" {
		return err
	}
	return &hintError{err, hint}
}

// WithHint gives an error a hint that says what to do about it.
func WithHint(err error, hint string) error { return hinted(err, hint) }
