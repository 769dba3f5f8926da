package httpapi_test

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// TestBodiesAreUsedAgain sends bodies of one letter each, of all sizes, to a server that answers every third before it has
// read it, and closes every seventh connection without an answer: no body has another's letters in it.
func TestBodiesAreUsedAgain(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Type", "application/json")
		switch {
		case n%7 == 0:
			panic(http.ErrAbortHandler)
		case n%3 == 0:
			_, _ = io.WriteString(w, "{}")
			return
		}
		body, err := io.ReadAll(r.Body)
		if want := bytes.Repeat([]byte{'a' + byte(n%26)}, n*100); err != nil || !bytes.Equal(body, want) {
			t.Errorf("call %d has a body of %d bytes that begins with %.10q and ends with %.10q, %v", n, len(body), body, body[max(0, len(body)-10):], err)
		}
		_, _ = io.WriteString(w, "{}")
	})
	c := client(t, s.URL, nil)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for n := worker + 1; n < 1200; n += 8 {
				body := httpapi.NewBody(10)
				for range n * 100 {
					body.Bytes = append(body.Bytes, 'a'+byte(n%26))
				}
				_, err := c.PostBody(t.Context(), "/?n="+strconv.Itoa(n), body, new(any))
				if err != nil && n%3 != 0 && (n%7 != 0 || backends.KindOf(err) != backends.KindNetwork) {
					t.Errorf("call %d: %v", n, err)
				}
			}
		})
	}
	all.Wait()
}
