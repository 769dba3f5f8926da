package faultserver

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// BatchScript is what happens to batches.
type BatchScript struct {
	// Delay is the time from a batch's making to its end.
	Delay Duration `json:"delay,omitzero"`
	// FailEvery fails each line whose number, from 1, is a multiple, with status 429.
	FailEvery int `json:"fail_every,omitzero"`
	// ExpireAfter is the number of lines that are done before the batch expires; 0 is all.
	ExpireAfter int `json:"expire_after,omitzero"`
	// LoseEvery leaves each line whose number is a multiple out of the results.
	LoseEvery int `json:"lose_every,omitzero"`
	// Reject fails the whole batch for its file.
	Reject bool `json:"reject,omitzero"`
}

// batchStore holds the files and batches of the OpenAI face.
type batchStore struct {
	mu      sync.Mutex // guards what follows
	files   map[string][]byte
	batches []*batchObject
}

// batchObject is a batch as the API shows it.
type batchObject struct {
	ID               string            `json:"id"`
	Object           string            `json:"object"`
	Endpoint         string            `json:"endpoint"`
	Errors           *batchErrors      `json:"errors"`
	InputFile        string            `json:"input_file_id"`
	CompletionWindow string            `json:"completion_window"`
	Status           string            `json:"status"`
	OutputFile       *string           `json:"output_file_id"`
	ErrorFile        *string           `json:"error_file_id"`
	Created          int64             `json:"created_at"`
	ExpiresAt        int64             `json:"expires_at"`
	Metadata         map[string]string `json:"metadata"`
	Counts           struct {
		Total     int `json:"total"`
		Completed int `json:"completed"`
		Failed    int `json:"failed"`
	} `json:"request_counts"`

	due time.Time
}

type batchErrors struct {
	Object string       `json:"object"`
	Data   []batchError `json:"data"`
}

type batchError struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
	Line    *int    `json:"line"`
}

// routeBatch answers the paths of files and batches, and reports whether it is one.
func (s *Server) routeBatch(w http.ResponseWriter, r *http.Request, body []byte) bool {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/v1"), "/"), "/")
	b := &s.store
	b.mu.Lock()
	defer b.mu.Unlock()
	switch key := r.Method + " " + parts[0]; {
	case key == "POST files" && len(parts) == 1:
		s.uploadFile(w, r, body)
	case key == "GET files" && len(parts) == 3 && parts[2] == "content":
		data, ok := b.files[parts[1]]
		if !ok {
			return false
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(data)
	case key == "POST batches" && len(parts) == 1:
		s.makeBatch(w, body)
	case key == "GET batches" && len(parts) == 1:
		for _, o := range b.batches {
			s.runBatch(o)
		}
		s.writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": b.batches, "has_more": false})
	case parts[0] == "batches" && len(parts) >= 2:
		return s.oneBatch(w, r.Method, parts[1:])
	default:
		return false
	}
	return true
}

func (s *Server) oneBatch(w http.ResponseWriter, method string, parts []string) bool {
	for _, o := range s.store.batches {
		if o.ID != parts[0] {
			continue
		}
		s.runBatch(o)
		if method == http.MethodPost && len(parts) == 2 && parts[1] == "cancel" && o.Status == "in_progress" {
			o.Status = "cancelled"
		}
		s.writeJSON(w, http.StatusOK, o)
		return true
	}
	return false
}

func (s *Server) uploadFile(w http.ResponseWriter, r *http.Request, body []byte) {
	fail := func(err error) {
		s.writeJSON(w, http.StatusBadRequest, openAI{}.Failure(http.StatusBadRequest, "", err.Error()))
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		fail(err)
		return
	}
	form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(maxBody)
	if err != nil {
		fail(err)
		return
	}
	files, purpose := form.File["file"], form.Value["purpose"]
	if len(files) != 1 || len(purpose) != 1 {
		fail(fmt.Errorf("a form of %d files and %d purposes", len(files), len(purpose)))
		return
	}
	f, err := files[0].Open()
	if err != nil {
		fail(err)
		return
	}
	data, err := io.ReadAll(f)
	if err != nil {
		fail(err)
		return
	}
	id := s.keepFile(data)
	s.writeJSON(w, http.StatusOK, map[string]any{
		"id": id, "object": "file", "bytes": len(data), "created_at": time.Now().Unix(), "filename": files[0].Filename, "purpose": purpose[0], "status": "processed",
	})
}

func (s *Server) keepFile(data []byte) string {
	if s.store.files == nil {
		s.store.files = make(map[string][]byte)
	}
	id := fmt.Sprintf("file-%d", len(s.store.files)+1)
	s.store.files[id] = data
	return id
}

func (s *Server) makeBatch(w http.ResponseWriter, body []byte) {
	o := &batchObject{Object: "batch", Status: "in_progress", Created: time.Now().Unix(), ExpiresAt: time.Now().Add(24 * time.Hour).Unix()}
	err := json.Unmarshal(body, o)
	if _, ok := s.store.files[o.InputFile]; err != nil || !ok {
		s.writeJSON(w, http.StatusBadRequest, openAI{}.Failure(http.StatusBadRequest, "", "there is no such input file"))
		return
	}
	o.ID, o.due = fmt.Sprintf("batch_%d", len(s.store.batches)+1), time.Now().Add(time.Duration(s.opts.Script.Batch.Delay))
	o.Counts.Total = bytes.Count(s.store.files[o.InputFile], []byte("\n"))
	s.store.batches = append(s.store.batches, o)
	s.writeJSON(w, http.StatusOK, o)
}

// runBatch ends a batch whose time has come.
func (s *Server) runBatch(o *batchObject) {
	script := s.opts.Script.Batch
	if o.Status != "in_progress" || time.Now().Before(o.due) {
		return
	}
	if script.Reject {
		line := 1
		o.Status, o.Errors = "failed", &batchErrors{"list", []batchError{{"invalid_json_line", "This line is not parseable as valid JSON.", nil, &line}}}
		return
	}
	o.Status = "completed"
	var output, failed []byte
	for i, line := range bytes.Split(bytes.TrimSpace(s.store.files[o.InputFile]), []byte("\n")) {
		expired := script.ExpireAfter > 0 && i >= script.ExpireAfter
		if expired {
			o.Status = "expired"
		}
		if script.LoseEvery > 0 && (i+1)%script.LoseEvery == 0 {
			continue
		}
		result, ok := s.batchLine(line, expired, script.FailEvery > 0 && (i+1)%script.FailEvery == 0)
		if ok {
			output = append(append(output, result...), '\n')
			o.Counts.Completed++
		} else {
			failed = append(append(failed, result...), '\n')
			o.Counts.Failed++
		}
	}
	if len(output) > 0 {
		id := s.keepFile(output)
		o.OutputFile = &id
	}
	if len(failed) > 0 {
		id := s.keepFile(failed)
		o.ErrorFile = &id
	}
}

// batchLine answers one line of a batch, and tells whether it belongs to the output.
func (s *Server) batchLine(line []byte, expired, fails bool) ([]byte, bool) {
	var in struct {
		ID   string         `json:"custom_id"`
		URL  string         `json:"url"`
		Body jsontext.Value `json:"body"`
	}
	type response struct {
		Status int `json:"status_code"`
		Body   any `json:"body"`
	}
	out := struct {
		ID       string      `json:"id"`
		CustomID string      `json:"custom_id"`
		Response *response   `json:"response"`
		Error    *batchError `json:"error"`
	}{ID: "batch_req_" + itoa(int(digest(string(line), 0)%1e9))}
	err := json.Unmarshal(line, &in)
	out.CustomID = in.ID
	switch {
	case expired:
		out.Error = &batchError{Code: "batch_expired", Message: "This request could not be executed before the completion window expired."}
	case fails:
		out.Response = &response{http.StatusTooManyRequests, openAI{}.Failure(http.StatusTooManyRequests, "", "scripted failure")}
	default:
		var call Call
		if err == nil {
			call, err = openAI{}.Read(&http.Request{URL: &url.URL{Path: in.URL}}, in.Body)
		}
		if err != nil {
			out.Response = &response{http.StatusBadRequest, openAI{}.Failure(http.StatusBadRequest, "", err.Error())}
			break
		}
		call.Path = in.URL
		out.Response = &response{http.StatusOK, openAI{}.Answer(call, s.Ask(call))}
	}
	data, err := json.Marshal(out)
	if err != nil {
		panic(err) // a defect in the face
	}
	return data, out.Response != nil && out.Response.Status == http.StatusOK
}
