package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	attempts = 5
	// maxWait bounds what a server may ask for between two attempts.
	maxWait = 5 * time.Minute
	// maxAnswer bounds an answer of the API in bytes.
	maxAnswer = 64 << 20
)

// call makes a GET that may be repeated. use reads the body of a status in 2xx; an error of it is tried again
// where it is errAgain. header is added to the call and may be nil.
func (c *Client) call(ctx context.Context, what, url string, header func() http.Header, use func(*http.Response) error) error {
	if c.Offline {
		return c.offline(what)
	}
	var last error
	for i := range attempts {
		wait, err := c.once(ctx, what, url, header, use)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		last = err
		if wait < 0 {
			return err
		}
		if i == attempts-1 {
			break
		}
		if wait == 0 {
			wait = time.Second << i
		}
		if err := c.wait(ctx, min(wait, maxWait)); err != nil {
			return err
		}
	}
	return last
}

// again marks an error after which the call may be made again.
type again struct{ err error }

func (e again) Error() string { return e.err.Error() }
func (e again) Unwrap() error { return e.err }

// once makes one attempt. wait is negative where another makes no sense, 0 where the server named no time.
func (c *Client) once(ctx context.Context, what, url string, header func() http.Header, use func(*http.Response) error) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return -1, &Error{What: what, Err: c.clean(err)}
	}
	if header != nil {
		req.Header = header()
	}
	req.Header.Set("User-Agent", "onset")
	resp, err := c.client().Do(req)
	if err != nil {
		return 0, &Error{What: what, Err: fmt.Errorf("the hub cannot be reached: %w", c.clean(err)),
			Advice: "check the network, or set HF_HUB_OFFLINE=1 to use what is on this machine"}
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode < 300 || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		err := use(resp)
		var more again
		if errors.As(err, &more) {
			return 0, &Error{What: what, Err: c.clean(more.err), Advice: "run the same command again: it goes on where it stopped"}
		}
		var told *Error
		if err != nil && !errors.As(err, &told) {
			err = &Error{What: what, Err: c.clean(err)}
		}
		return -1, err
	}
	return c.refused(what, resp)
}

// refused says what a status means.
func (c *Client) refused(what string, resp *http.Response) (time.Duration, error) {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // it only explains the status
	note := resp.Header.Get("X-Error-Message")
	if note == "" && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		note = strings.TrimSpace(string(body))
	}
	if note != "" {
		note = ": " + note
	}
	e := &Error{What: what}
	code := resp.Header.Get("X-Error-Code")
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden || code == "GatedRepo":
		e.Err = c.clean(fmt.Errorf("%w (HTTP %d)%s", ErrDenied, s, note))
		e.Advice = "it is gated, private or misspelt: accept its terms on the hub, then set HF_TOKEN to a token that may read it"
		if c.Token != "" {
			e.Advice = "the token in HF_TOKEN may not read it: accept its terms on the hub with that account, or check the name"
		}
		return -1, e
	case s == http.StatusNotFound:
		e.Err = c.clean(fmt.Errorf("%w (HTTP %d)%s", ErrNotFound, s, note))
		e.Advice = "check the name and the revision; a private dataset needs HF_TOKEN"
		return -1, e
	case s == http.StatusTooManyRequests || s == http.StatusRequestTimeout || s >= 500:
		e.Err = c.clean(fmt.Errorf("the hub answers HTTP %d%s", s, note))
		e.Advice = "try again later"
		return retryAfter(resp.Header.Get("Retry-After")), e
	default:
		e.Err = c.clean(fmt.Errorf("the hub answers HTTP %d%s", s, note))
		return -1, e
	}
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3); 0 is no time.
func retryAfter(s string) time.Duration {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
