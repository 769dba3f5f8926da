package faultserver

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/onset-eval/onset/backends"
)

// visit is one call on its way through the server.
type visit struct {
	*Server
	face  Face
	w     http.ResponseWriter
	r     *http.Request
	call  Call
	event Event
	told  bool // that event.Did is in the counts
}

// tell counts what becomes of the call, before the caller sees it.
func (v *visit) tell() {
	if v.told {
		return
	}
	v.told = true
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counts.Did[v.event.Did]++
	if v.event.Did == "answer" {
		v.counts.Answered++
	}
}

func (s *Server) serve(f Face, w http.ResponseWriter, r *http.Request, body []byte) {
	v := &visit{Server: s, face: f, w: w, r: r}
	v.event.Face, v.event.Path = f.Name(), r.URL.Path
	begun := time.Now()
	var fault *Fault
	s.mu.Lock()
	s.counts.Calls++
	s.inFlight++
	s.counts.MaxInFlight = max(s.counts.MaxInFlight, s.inFlight)
	v.event.Number, v.event.InFlight = s.counts.Calls, s.inFlight
	for i := range s.faults {
		if h := &s.faults[i]; h.hit(f.Name(), v.event.Number, begun.Sub(s.start), s.opts.Script.Seed) {
			fault = &h.Fault
			break
		}
	}
	s.mu.Unlock()
	defer func() {
		v.tell()
		v.event.Took = Duration(time.Since(begun))
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
		if s.opts.Observe != nil {
			s.opts.Observe(v.event)
		}
	}()
	v.handle(body, fault)
}

func (v *visit) handle(body []byte, fault *Fault) {
	if want := v.opts.Script.Key; want != "" && v.face.Key(v.r) != want {
		v.fail("key", http.StatusUnauthorized, "", "Incorrect API key provided: "+v.face.Key(v.r))
		return
	}
	call, err := v.face.Read(v.r, body)
	if err != nil {
		v.fail("invalid", http.StatusBadRequest, "", err.Error())
		return
	}
	call.Path = v.r.URL.Path
	v.call = call
	if v.opts.Observe != nil {
		v.event.Digest = strconv.FormatUint(digest(call.Path+"\x00"+call.Model+"\x00"+call.Prompt, call.Seed*31+uint64(call.MaxTokens)), 36)
	}
	if fault != nil && v.early(fault) {
		return
	}
	reply := v.Ask(call)
	if !v.limits(reply) || !v.work(reply) {
		return
	}
	if fault != nil {
		v.event.Did = fault.Do
		v.late(fault, reply)
		return
	}
	v.event.Did = "answer"
	v.send(v.body(reply))
}

// early does what a fault does before a model is asked, and tells whether the call is over.
func (v *visit) early(f *Fault) bool {
	v.event.Did = f.Do
	switch f.Do {
	case Status:
		v.retryAfter(f)
		status := f.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		v.fail(f.Do, status, f.Word, "scripted failure")
		return true
	case Reset:
		v.reset(nil)
		return true
	case Stall:
		if f.Delay == 0 {
			v.pause(24 * time.Hour)
			return true
		}
		return !v.pause(time.Duration(f.Delay))
	}
	return false
}

func (v *visit) retryAfter(f *Fault) {
	d, h := time.Duration(f.RetryAfter), v.w.Header()
	if d <= 0 {
		return
	}
	switch f.RetryForm {
	case "ms":
		h.Set("Retry-After-Ms", strconv.FormatInt(d.Milliseconds(), 10))
	case "date":
		h.Set("Retry-After", time.Now().Add(d).UTC().Format(http.TimeFormat))
	default:
		h.Set("Retry-After", strconv.FormatFloat(d.Seconds(), 'f', -1, 64))
	}
}

// pause waits, and tells whether the caller is still there.
func (v *visit) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-v.r.Context().Done():
	case <-v.stop:
	}
	return false
}

// limits takes what a call costs of the limits, or refuses it.
func (v *visit) limits(r Reply) bool {
	if v.opts.Script.RequestsPerWindow == 0 && v.opts.Script.TokensPerWindow == 0 {
		return true
	}
	cost := r.PromptTokens + r.CompletionTokens
	for _, o := range r.Others {
		cost += o.PromptTokens + o.CompletionTokens
	}
	v.mu.Lock()
	now := time.Now()
	v.requests.fill(now)
	v.tokens.fill(now)
	wait, over := v.requests.wait(1), "requests"
	if w := v.tokens.wait(cost); w > wait {
		wait, over = w, "tokens"
	}
	if wait == 0 {
		v.requests.take(1)
		v.tokens.take(cost)
	}
	told := v.signals()
	v.mu.Unlock()
	v.face.Limits(v.w.Header(), told, now)
	if wait == 0 {
		return true
	}
	if !v.opts.Script.HideRetryAfter {
		v.retryAfter(&Fault{RetryAfter: Duration(wait)})
	}
	v.fail(over, http.StatusTooManyRequests, "", "Rate limit reached for "+over)
	return false
}

// work takes a slot, where there are slots, and as long as the answer takes. It tells whether the caller is still there.
func (v *visit) work(r Reply) bool {
	begun := time.Now()
	if v.slots != nil {
		select {
		case v.slots <- struct{}{}:
			defer func() { <-v.slots }()
		case <-v.r.Context().Done():
			v.event.Did = "gone"
			return false
		case <-v.stop:
			return false
		}
	}
	v.event.Waited = Duration(time.Since(begun))
	v.mu.Lock()
	v.working++
	working := v.working
	v.counts.MaxWorking = max(v.counts.MaxWorking, working)
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.working--
		v.mu.Unlock()
	}()
	took := time.Duration(v.opts.Script.Latency) + time.Duration(r.CompletionTokens)*time.Duration(v.opts.Script.PerToken)
	if !v.pause(time.Duration(float64(took) * (1 + v.opts.Script.Slowdown*float64(working)))) {
		v.event.Did = "gone"
		return false
	}
	return true
}

// late does what a fault does to an answer.
func (v *visit) late(f *Fault, r Reply) {
	switch f.Do {
	case NullContent:
		r.Text, r.Null = "", true
	case EmptyContent:
		r.Text = ""
	case NoChoices:
		r.None = true
	case Duplicate:
		r.Twice = true
	case Refusal:
		r.Text, r.Refusal, r.Stop = "", "I cannot help with that.", backends.StopRefusal
	case Filtered:
		r.Filtered, r.Stop = true, backends.StopRefusal
	case Length:
		r.Stop = backends.StopLength
	}
	body := v.body(r)
	switch f.Do {
	case SlowBody:
		v.dribble(body, time.Duration(f.Delay))
	case ResetBody:
		v.reset(body)
	case Truncated:
		v.send(body[:len(body)/2])
	case Malformed:
		v.send([]byte(`{"choices":[,` + v.echo() + string(body[1:])))
	case WrongShape:
		v.send([]byte(`{"choices":` + strconv.Quote(v.echo()) + `,"content":5,"candidates":"none"}`))
	case WrongType:
		v.tell()
		v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		v.event.Status = http.StatusOK
		_, _ = fmt.Fprintf(v.w, "<html><title>Sign in %s</title></html>", v.echo())
	default:
		v.send(body)
	}
}

// echo is the caller's key, where the script repeats it.
func (v *visit) echo() string {
	if !v.opts.Script.EchoKey {
		return ""
	}
	return v.face.Key(v.r)
}

func (v *visit) body(r Reply) []byte {
	data, err := json.Marshal(v.face.Answer(v.call, r))
	if err != nil {
		panic(err) // a defect in the face
	}
	return data
}

func (v *visit) send(body []byte) {
	v.tell()
	h := v.w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	v.event.Status = http.StatusOK
	_, _ = v.w.Write(body)
}

func (v *visit) fail(did string, status int, word, message string) {
	if key := v.echo(); key != "" {
		message = strings.TrimSpace(message + " (key " + key + ")")
	}
	v.event.Did, v.event.Status = did, status
	v.tell()
	v.writeJSON(v.w, status, v.face.Failure(status, word, message))
}

// dribble sends a body in ten pieces over a time.
func (v *visit) dribble(body []byte, over time.Duration) {
	const pieces = 10
	v.tell()
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	v.event.Status = http.StatusOK
	for i := range pieces {
		if !v.pause(over / pieces) {
			return
		}
		_, _ = v.w.Write(body[len(body)*i/pieces : len(body)*(i+1)/pieces])
		_ = http.NewResponseController(v.w).Flush()
	}
}

// reset resets the connection, after the header and half of a body where there is one.
func (v *visit) reset(body []byte) {
	v.tell()
	conn, _, err := http.NewResponseController(v.w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		panic(http.ErrAbortHandler) // HTTP/2 resets the stream
	}
	if err != nil {
		return
	}
	if body != nil {
		v.event.Status = http.StatusOK
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
		_, _ = conn.Write(body[:len(body)/2])
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if body != nil {
			v.pause(20 * time.Millisecond) // a reset overtakes what is sent but not yet read
		}
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
