package local

import (
	"context"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

// TestStopStrings generates given tokens of a byte-level vocabulary, in which the characters of other scripts are several
// tokens: a text ends before the first stop string, wherever tokens begin and end.
func TestStopStrings(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{})
	b, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	bytewise := func(s string) (ids []int) {
		for _, c := range []byte(s) {
			ids = append(ids, 1+int(c)) // as randmodel numbers them
		}
		return ids
	}
	if got := b.tok.Decode(bytewise("日本"), true); got != "日本" {
		t.Fatalf("the bytes of 日本 are decoded as %q", got)
	}
	for _, c := range []struct {
		name   string
		tokens []int
		stop   []string
		max    int
		want   string
		reason backends.StopReason
		used   int
	}{
		{"none", bytewise("abc"), nil, 3, "abc", backends.StopLength, 3},
		{"within bytes of characters", bytewise("x 日本語"), []string{"本"}, 99, "x 日", backends.StopString, 8},
		{"several", bytewise("one\n\ntwo"), []string{"two", "\n\n", "e\n"}, 99, "on", backends.StopString, 4},
		{"the longer one first", bytewise("abcd"), []string{"bcd", "d"}, 99, "a", backends.StopString, 4},
		{"the same place", bytewise("ab"), []string{"b", "ab"}, 99, "", backends.StopString, 2},
		{"empty", bytewise("ab"), []string{""}, 2, "ab", backends.StopLength, 2},
		{"half a character", bytewise("a日")[:3], nil, 3, "a\uFFFD", backends.StopLength, 3},
		{"half a character before a stop", append(bytewise("日")[:2], bytewise("stop")...), []string{"stop"}, 99, "\uFFFD", backends.StopString, 6},
		{"several letters a token", b.tok.Encode("there is an end to it", false), []string{"end"}, 99, "there is an ", backends.StopString, 0},
		{"the end of text", []int{1 + 'a', 0, 1 + 'b'}, []string{"b"}, 99, "a", backends.StopEOS, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := &backends.Request{Kind: backends.Generate, Sampling: backends.Sampling{Stop: c.stop}}
			w := &work{req: req, maxTokens: c.max, parts: []part{{ids: []int{5}}}}
			x := newText(w, &progress{}, 0)
			used := 0
			for _, id := range c.tokens {
				if x.finished() {
					break
				}
				b.generate(x, id)
				used++
			}
			resp := b.response(x)
			if resp.Text != c.want || resp.Stop != c.reason || c.used > 0 && used != c.used {
				t.Errorf("%q, %s after %d tokens, want %q, %s after %d", resp.Text, resp.Stop, used, c.want, c.reason, c.used)
			}
			if strings.ToValidUTF8(resp.Text, "") != resp.Text {
				t.Errorf("%q is no UTF-8", resp.Text)
			}
		})
	}
}
