package openai

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// BatchCostFactor is what a request in a batch costs, as a share of its price by itself (OpenAI, "Batch API").
const BatchCostFactor = 0.5

// The bounds of one batch: requests, and bytes of its file, of the 200 MB that OpenAI takes.
const (
	maxBatchRequests = 50_000
	maxBatchBytes    = 190_000_000
)

// BatchRequest is one request of a batch. ID names it among the others.
type BatchRequest struct {
	ID      string
	Request backends.Request
}

// BatchResult is what became of one request: a response, or an error as Do would give it.
type BatchResult struct {
	ID       string
	Response backends.Response
	Err      error
}

// BatchStatus is how far a batch is.
type BatchStatus struct {
	ID string `json:"id"`
	// State is the server's word: "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling" or
	// "cancelled".
	State     string `json:"status"`
	InputFile string `json:"input_file_id"`
	// OutputFile and ErrorFile hold the results; either may be "".
	OutputFile string            `json:"output_file_id"`
	ErrorFile  string            `json:"error_file_id"`
	Created    int64             `json:"created_at"` // seconds since 1970
	Metadata   map[string]string `json:"metadata"`
	Counts     struct {
		Total     int `json:"total"`
		Completed int `json:"completed"`
		Failed    int `json:"failed"`
	} `json:"request_counts"`
	Errors *struct {
		Data []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Line    *int   `json:"line"`
		} `json:"data"`
	} `json:"errors"`
}

// Over reports whether nothing more will come of the batch.
func (s BatchStatus) Over() bool {
	switch s.State {
	case "completed", "failed", "expired", "cancelled":
		return true
	}
	return false
}

// Err is why a batch as a whole failed, as where its file was not taken; nil where it did not. One that expired or was
// cancelled is no failure of the whole: what was done is in its results, and the rest has errors of its own.
func (s BatchStatus) Err() error {
	if s.State != "failed" {
		return nil
	}
	err := errors.New("the server does not say why")
	if s.Errors != nil && len(s.Errors.Data) > 0 {
		e := s.Errors.Data[0]
		err = errors.New(e.Code + ": " + e.Message)
		if e.Line != nil {
			err = fmt.Errorf("line %d: %w", *e.Line, err)
		}
	}
	return &backends.Error{Kind: backends.KindInvalid, Op: "run batch " + s.ID, Err: err}
}

// Batches runs requests by the Batch API, at half their price and within a day. The caller keeps each batch's id, and its
// requests, so that another process can wait for it and read its results.
type Batches struct {
	b    *Backend
	path string
	most int // requests in one batch
}

// Batches gives the Batch API of the server; a server that is not OpenAI's may not have it, which the first call says.
func (b *Backend) Batches() *Batches {
	path := "/v1/completions"
	if b.chat {
		path = "/v1/chat/completions"
	}
	return &Batches{b: b, path: path, most: maxBatchRequests}
}

// Submit starts a batch of as many of the requests as one takes, and tells how many those are; the caller submits the rest
// again. Where a batch of just these requests is there already, from a process that ended before it could keep the id, it
// is that one, so that nothing is paid twice. All requests must be of kind Generate.
func (s *Batches) Submit(ctx context.Context, requests []BatchRequest) (id string, taken int, err error) {
	file, taken, err := s.file(requests)
	if err != nil {
		return "", 0, err
	}
	sum := sha256.Sum256(file)
	digest := hex.EncodeToString(sum[:])
	if old, err := s.find(ctx, digest); err != nil || old != "" {
		return old, taken, err
	}
	var uploaded struct {
		ID string `json:"id"`
	}
	if _, err := s.b.client.Upload(ctx, "/files", map[string]string{"purpose": "batch"}, "onset-"+digest[:12]+".jsonl", file, &uploaded); err != nil {
		return "", 0, err
	}
	body, err := json.Marshal(map[string]any{
		"input_file_id": uploaded.ID, "endpoint": s.path, "completion_window": "24h", "metadata": map[string]string{"onset": digest},
	}, json.Deterministic(true))
	if err != nil {
		return "", 0, &backends.Error{Kind: backends.KindInternal, Op: "write batch", Err: err}
	}
	var made BatchStatus
	if _, err := s.b.client.Post(ctx, "/batches", body, &made); err != nil {
		return "", 0, err
	}
	return made.ID, taken, nil
}

// file writes the file of a batch of as many of the requests as one takes, and tells how many those are.
func (s *Batches) file(requests []BatchRequest) (file []byte, taken int, err error) {
	seen := make(map[string]bool)
	for i := range requests {
		r := &requests[i]
		if r.Request.Kind != backends.Generate {
			return nil, 0, backends.Errorf(backends.KindUnsupported, "write batch", "a batch has no requests of kind %q", r.Request.Kind)
		}
		if seen[r.ID] {
			return nil, 0, backends.Errorf(backends.KindInvalid, "write batch", "two requests are called %q", r.ID)
		}
		seen[r.ID] = true
		line := s.line(r)
		if taken == s.most || taken > 0 && len(file)+len(line) > maxBatchBytes {
			break
		}
		file = append(file, line...)
		taken++
	}
	if taken == 0 {
		return nil, 0, backends.Errorf(backends.KindInvalid, "write batch", "there is no request")
	}
	return file, taken, nil
}

// line writes a request as a line of a batch's file.
func (s *Batches) line(r *BatchRequest) []byte {
	line := quote([]byte(`{"custom_id":`), r.ID)
	line = quote(append(line, `,"method":"POST","url":`...), s.path)
	line, _ = s.b.generateBody(append(line, `,"body":`...), &r.Request, s.b.form())
	return append(line, "}\n"...)
}

// find looks for a batch of the same requests, among the newest hundred, that has not come to nothing.
func (s *Batches) find(ctx context.Context, digest string) (string, error) {
	var list struct {
		Data []BatchStatus `json:"data"`
	}
	if _, err := s.b.client.Get(ctx, "/batches?limit=100", &list); err != nil {
		return "", err
	}
	for _, b := range list.Data {
		if b.Metadata["onset"] == digest && (b.State == "completed" || !b.Over() && b.State != "cancelling") {
			return b.ID, nil
		}
	}
	return "", nil
}

// Status asks how far a batch is.
func (s *Batches) Status(ctx context.Context, id string) (BatchStatus, error) {
	var st BatchStatus
	_, err := s.b.client.Get(ctx, "/batches/"+url.PathEscape(id), &st)
	return st, err
}

// Wait asks for a batch's status at intervals until it is over, and tells each to seen, which may be nil. Failures that pass
// are waited out for up to an hour of them in a row. An interval of 0 is a minute.
func (s *Batches) Wait(ctx context.Context, id string, interval time.Duration, seen func(BatchStatus)) (BatchStatus, error) {
	if interval <= 0 {
		interval = time.Minute
	}
	failing := time.Duration(0)
	for {
		st, err := s.Status(ctx, id)
		wait := interval
		var e *backends.Error
		switch {
		case err == nil:
			failing = 0
			if seen != nil {
				seen(st)
			}
			if st.Over() {
				return st, nil
			}
		case errors.As(err, &e) && e.Kind.Temporary() && failing < time.Hour:
			wait = max(wait, e.RetryAfter)
			failing += wait
		default:
			return st, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return st, fmt.Errorf("wait for batch %s: %w", id, ctx.Err())
		}
	}
}

// Cancel asks the server to end a batch. What it has done is paid, and is in the results.
func (s *Batches) Cancel(ctx context.Context, id string) error {
	_, err := s.b.client.Post(ctx, "/batches/"+url.PathEscape(id)+"/cancel", []byte("{}"), new(BatchStatus))
	return err
}

// batchLine is a line of a file of results.
type batchLine struct {
	ID       string `json:"custom_id"`
	Response *struct {
		Status int            `json:"status_code"`
		Body   jsontext.Value `json:"body"`
	} `json:"response"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// Results gives the result of each of a batch's requests, which are those that were submitted, in no order. A request that
// the batch has nothing of, and one that it had no time for, is an error that passes, so that it can be asked again. The
// error of each ends it; the results come once each.
func (s *Batches) Results(ctx context.Context, st BatchStatus, requests []BatchRequest, each func(BatchResult) error) error {
	if err := st.Err(); err != nil {
		return err
	}
	open := make(map[string]*backends.Request, len(requests))
	for i := range requests {
		open[requests[i].ID] = &requests[i].Request
	}
	for _, file := range []string{st.OutputFile, st.ErrorFile} {
		if file == "" {
			continue
		}
		err := s.b.client.Lines(ctx, "/files/"+url.PathEscape(file)+"/content", func(text []byte) error {
			var line batchLine
			if err := httpapi.Decode(text, &line); err != nil {
				return &backends.Error{Kind: backends.KindNetwork, Op: "read results of batch " + st.ID, Err: errors.New("a line cannot be read: " + s.b.client.Redact(err.Error()))}
			}
			req, ok := open[line.ID]
			if !ok {
				return nil // another's, or one that was told already
			}
			delete(open, line.ID)
			resp, err := s.result(&line, req)
			return each(BatchResult{line.ID, resp, err})
		})
		if err != nil {
			return err
		}
	}
	for i := range requests {
		if _, ok := open[requests[i].ID]; ok {
			err := backends.Errorf(backends.KindNetwork, "read results of batch "+st.ID, "it has nothing of this request (the batch is %s)", st.State)
			if err := each(BatchResult{ID: requests[i].ID, Err: err}); err != nil {
				return err
			}
		}
	}
	return nil
}

// result makes a response, or an error, of a line.
func (s *Batches) result(line *batchLine, req *backends.Request) (backends.Response, error) {
	const op = "ask in a batch"
	switch {
	case line.Response != nil && line.Response.Status == http.StatusOK:
		var a answer
		if err := httpapi.Decode(line.Response.Body, &a); err != nil {
			return backends.Response{}, backends.Errorf(backends.KindNetwork, op, "the answer cannot be read: %s", s.b.client.Redact(err.Error()))
		}
		resp, err := s.b.read(&a, req)
		if err != nil {
			return backends.Response{}, err
		}
		resp.Attempts = 1
		return resp, nil
	case line.Response != nil && line.Response.Status > 0:
		return backends.Response{}, s.b.client.StatusError(op, line.Response.Status, line.Response.Body)
	case line.Error != nil:
		kind := backends.KindServer
		if line.Error.Code == "batch_expired" || line.Error.Code == "batch_cancelled" {
			kind = backends.KindTimeout
		}
		return backends.Response{}, backends.Errorf(kind, op, "%s: %s", line.Error.Code, s.b.client.Redact(line.Error.Message))
	}
	return backends.Response{}, backends.Errorf(backends.KindNetwork, op, "its line has neither an answer nor an error")
}
