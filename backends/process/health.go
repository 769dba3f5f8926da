package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// errPortTaken says that somebody else listens on the port that was free.
var errPortTaken = errors.New("another program took the port")

// The waits between looks at a server that is starting.
const (
	firstLook = 20 * time.Millisecond
	lastLook  = time.Second
	lookTime  = 5 * time.Second // for one look
)

// await waits until the server is healthy, and sees that it is ours: another program may have taken the port.
func (l launch) await(ctx context.Context, c *child, base string) error {
	client := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: lookTime}).DialContext, DisableKeepAlives: true, // no proxy: it is this machine
	}, Timeout: lookTime}
	var last error
	for wait := firstLook; ; wait = min(wait*2, lastLook) {
		last = look(ctx, client, base+l.kind.Health)
		if last == nil {
			last = l.identify(ctx, client, base)
		}
		select {
		case <-c.ended: // also where somebody else answered
			c.settle()
			if portTaken(c.out) {
				return fmt.Errorf("%w (%s)", errPortTaken, c.state)
			}
			return fmt.Errorf("it ended before it was ready (%s)", c.state)
		default:
		}
		if last == nil || errors.Is(last, errPortTaken) {
			return last
		}
		timer := time.NewTimer(wait)
		select {
		case <-c.ended:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w; when last asked, %w", ctx.Err(), last)
		}
		timer.Stop()
	}
}

// look asks whether the server is healthy.
func look(ctx context.Context, client *http.Client, url string) error {
	_, err := fetch(ctx, client, url)
	return err
}

// identify sees that the server lists the model by the name that it was given.
func (l launch) identify(ctx context.Context, client *http.Client, base string) error {
	if l.kind.Identity == "" || l.alias == l.model {
		return nil
	}
	body, err := fetch(ctx, client, base+l.kind.Identity)
	if err != nil {
		return err
	}
	if !strings.Contains(body, `"`+l.alias+`"`) {
		return fmt.Errorf("%w: it serves %s", errPortTaken, shorten(clean(body), 200))
	}
	return nil
}

func fetch(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers with status %d: %s", url, resp.StatusCode, shorten(clean(string(body)), 200))
	}
	return string(body), err
}

// portTaken tells whether a server's last words are that its port is in use. Servers say so in their logs alone.
func portTaken(out *tail) bool {
	for _, line := range out.lines(50) {
		line = strings.ToLower(line)
		if strings.Contains(line, "address already in use") || strings.Contains(line, "eaddrinuse") || strings.Contains(line, "couldn't bind") {
			return true
		}
	}
	return false
}
