package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/onset-eval/onset/backends"
)

// Upload sends a form with fields and one file, named name in the field "file", and decodes the JSON answer as Post does.
func (c *Client) Upload(ctx context.Context, path string, fields map[string]string, name string, data []byte, out any) (Answer, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	var err error
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		err = errors.Join(err, form.WriteField(field, fields[field]))
	}
	part, err2 := form.CreateFormFile("file", name)
	if err = errors.Join(err, err2); err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return Answer{}, &backends.Error{Kind: backends.KindInternal, Op: "write a form", Err: err}
	}
	return c.exchange(ctx, sent{http.MethodPost, path, wrap(body.Bytes()), form.FormDataContentType()}, out)
}

// Lines asks for a file and gives its lines, one by one, without their ends; a line is valid during the call only. The
// bound on bodies is one on each line. The error of each ends it.
func (c *Client) Lines(ctx context.Context, path string, each func(line []byte) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.Timeout, errTooSlow)
	defer cancel()
	what := sent{method: http.MethodGet, path: path}
	resp, err := c.roundTrip(ctx, what)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxFailureBody)) // the status says what is needed
		return c.statusFailure(c.op(what), &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body})
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, int(c.opts.MaxBody))
	for lines.Scan() {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return backends.Errorf(backends.KindInvalid, c.op(what), "a line has more than the %d bytes that are read", c.opts.MaxBody)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return broken(c.op(what), resp.StatusCode, "the file broke off")
	case err != nil:
		return c.networkFailure(ctx, c.op(what), fmt.Errorf("the file broke off: %w", err))
	}
	return nil
}

// Decode reads a JSON text that came inside another answer, as leniently as Post does.
func Decode(data []byte, out any) error { return json.Unmarshal(data, out, lenient) }
