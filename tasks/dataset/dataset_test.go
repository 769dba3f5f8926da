package dataset_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/gzip"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// read gives one line a row, "index file:line values", and the error's text as the last line.
func read(files ...dataset.File) string {
	var b strings.Builder
	for row, err := range dataset.Rows(files...) {
		if err != nil {
			fmt.Fprintf(&b, "error: %v\n", err)
			continue
		}
		fmt.Fprintf(&b, "%d %s:%d %s\n", row.Index, row.File, row.Line, pyval.Repr(row.Values))
	}
	return b.String()
}

func TestRows(t *testing.T) {
	long := strings.Repeat("x", 300_000)
	for _, c := range []struct{ name, file, data, want string }{
		{"lines", "a.jsonl", "{\"b\":1,\"a\":[true,null,1.0]}\r\n\n {\"a\":\"é\"}", "0 a.jsonl:1 {'b': 1, 'a': [True, None, 1.0]}\n1 a.jsonl:3 {'a': 'é'}\n"},
		{"nested keeps order", "a.jsonl", `{"z":{"y":1,"x":{}}}`, "0 a.jsonl:1 {'z': {'y': 1, 'x': {}}}\n"},
		{"numbers keep their type", "a.jsonl", `{"a":1,"b":1.0,"c":1e2,"d":"1"}`, "0 a.jsonl:1 {'a': 1, 'b': 1.0, 'c': 100.0, 'd': '1'}\n"},
		{"empty", "a.jsonl", "", ""},
		{"blank", "a.jsonl", "\n \n", ""},
		{"byte order mark", "a.jsonl", "\xef\xbb\xbf{\"a\":1}", "0 a.jsonl:1 {'a': 1}\n"},
		{"blank lines before", "a.jsonl", "\n\n{\"a\":1}", "0 a.jsonl:3 {'a': 1}\n"},
		{"array", "a.json", "\n[\n{\"a\":1},\n\n{\"a\":\n2}]\n", "0 a.json:3 {'a': 1}\n1 a.json:5 {'a': 2}\n"},
		{"empty array", "a.json", "[]", ""},
		{"long line", "a.jsonl", `{"a":"` + long + `"}`, "0 a.jsonl:1 {'a': '" + long + "'}\n"},
		{"csv", "a.csv", "q,a\n\"x\ny\",007\nz,\n", "0 a.csv:2 {'q': 'x\\ny', 'a': '007'}\n1 a.csv:4 {'q': 'z', 'a': ''}\n"},
		{"empty csv", "a.csv", "", ""},

		{"cut line", "a.jsonl", "{\"a\":1}\n{\"a\":", "0 a.jsonl:1 {'a': 1}\nerror: a.jsonl:2: the JSON value is cut off\n"},
		{"not an object", "a.jsonl", "{}\n7\n", "0 a.jsonl:1 {}\nerror: a.jsonl:2: a row is a JSON object, not a number\n"},
		{"duplicate key", "a.jsonl", `{"a":1,"b":{"c":1,"c":2}}`, "error: a.jsonl:1: the key \"c\" stands twice in one object\n"},
		{"two values on a line", "a.jsonl", `{} {}`, "error: a.jsonl:1: there is text after the end of the JSON value\n"},
		{"invalid UTF-8", "a.jsonl", "{}\n{\"a\":\"\xff\"}", "0 a.jsonl:1 {}\nerror: a.jsonl:2: malformed JSON at /a: invalid UTF-8\n"},
		{"bare word", "a.jsonl", "{\"a\": NaN}", "error: a.jsonl:1: malformed JSON at /a: invalid character 'N' at start of value\n"},
		{"huge integer", "a.jsonl", `{"a":123456789012345678901}`, "error: a.jsonl:1: the integer 123456789012345678901 is out of range: beyond 64 bits\n"},
		{"huge float", "a.jsonl", `{"a":1e999}`, "error: a.jsonl:1: the number 1e999 is out of range\n"},
		{"array of numbers", "a.json", "[\n{},\n3]", "0 a.json:2 {}\nerror: a.json:3: a row is a JSON object, not a number\n"},
		{"cut array", "a.json", "[{},\n{}\n", "0 a.json:1 {}\n1 a.json:2 {}\nerror: a.json:3: the JSON value is cut off\n"},
		{"text after array", "a.json", "[{}]\n{}", "0 a.json:1 {}\nerror: a.json:2: there is text after the end of the JSON value\n"},
		{"ragged csv", "a.csv", "a,b\n1,2\n3\n", "0 a.csv:2 {'a': '1', 'b': '2'}\nerror: a.csv:3: the row has another number of fields than the header\n"},
		{"csv header twice", "a.csv", "a,a\n", "error: a.csv:1: the column \"a\" stands twice in the header\n"},
		{"csv quote", "a.csv", "a\nx\"y\n", "error: a.csv:2: malformed CSV: bare \" in non-quoted-field\n"},
		{"csv UTF-8", "a.csv", "a\n\xff\n", "error: a.csv:2: column \"a\" is not valid UTF-8\n"},
		{"not gzip", "a.jsonl.gz", "{}", "error: a.jsonl.gz: read as gzip: unexpected EOF\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := fstest.MapFS{c.file: {Data: []byte(c.data)}}
			format := dataset.JSON
			if strings.HasSuffix(c.file, ".csv") {
				format = dataset.CSV
			}
			if got := read(dataset.File{FS: fsys, Path: c.file, Format: format}); got != c.want {
				t.Errorf("got\n%.500s\nwant\n%.500s", got, c.want)
			}
		})
	}
}

func TestRowsOfSeveralFiles(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte("{\"a\":2}\n{\"a\":3}\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"a.jsonl": {Data: []byte(`{"a":1}`)}, "b.jsonl.gz": {Data: z.Bytes()}}
	a := dataset.File{FS: fsys, Path: "a.jsonl", Format: dataset.JSON}
	b := dataset.File{FS: fsys, Path: "b.jsonl.gz", Format: dataset.JSON}
	missing := dataset.File{FS: fsys, Path: "c.jsonl", Format: dataset.JSON}
	want := "0 a.jsonl:1 {'a': 1}\n1 b.jsonl.gz:1 {'a': 2}\n2 b.jsonl.gz:2 {'a': 3}\nerror: c.jsonl: open c.jsonl: file does not exist\n"
	if got := read(a, b, missing); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var located *dataset.Error
	for _, err := range dataset.Rows(missing) {
		if !errors.As(err, &located) {
			t.Errorf("%v is no *dataset.Error", err)
		}
	}
	for _, err := range dataset.Rows(a, missing) {
		if err != nil {
			t.Error(err)
		}
		break // stopping early is allowed
	}
}

func TestDigest(t *testing.T) {
	fsys := fstest.MapFS{"a": {Data: []byte("abc")}}
	// FIPS 180-4, appendix B.1: SHA-256 of "abc".
	want := "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got, err := (dataset.File{FS: fsys, Path: "a"}).Digest(); got != want || err != nil {
		t.Errorf("Digest = %s, %v", got, err)
	}
	if _, err := (dataset.File{FS: fsys, Path: "b"}).Digest(); err == nil {
		t.Error("no error for a missing file")
	}
}

// TestRowsStream reads a file that is much larger than the memory it may take.
func TestRowsStream(t *testing.T) {
	line := []byte(`{"id":123456,"query":"` + strings.Repeat("lorem ipsum ", 100) + "\"}\n")
	data := bytes.Repeat(line, 40_000)
	fsys := fstest.MapFS{"a.jsonl": {Data: data}}
	n, peak := 0, uint64(0)
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, err := range dataset.Rows(dataset.File{FS: fsys, Path: "a.jsonl", Format: dataset.JSON}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%10_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
		}
	}
	if n != 40_000 {
		t.Errorf("%d rows", n)
	}
	if peak > 2<<20 {
		t.Errorf("%d bytes held while reading %d", peak, len(data))
	}
}

func BenchmarkRows(b *testing.B) {
	line := []byte(`{"id":123456,"query":"a question of some length?","answer":"an answer","examples":[{"query":"x","answer":"y"}]}` + "\n")
	fsys := fstest.MapFS{"a.jsonl": {Data: bytes.Repeat(line, 10_000)}}
	b.SetBytes(int64(len(line)) * 10_000)
	for b.Loop() {
		for _, err := range dataset.Rows(dataset.File{FS: fsys, Path: "a.jsonl", Format: dataset.JSON}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{\"a\":[1,{}]}\n"), true)
	f.Add([]byte("[{\"a\":1},\n{}]"), true)
	f.Add([]byte("a,b\n1,2\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		file := dataset.File{FS: fstest.MapFS{"a": {Data: data}}, Path: "a", Format: dataset.CSV}
		if isJSON {
			file.Format = dataset.JSON
		}
		failed, lines := false, 1+bytes.Count(data, []byte("\n"))
		for row, err := range dataset.Rows(file) {
			if failed {
				t.Fatal("a row after an error")
			}
			failed = err != nil
			var located *dataset.Error
			if failed && (!errors.As(err, &located) || located.Line > lines) {
				t.Fatalf("%v", err)
			}
			if !failed && (row.Values == nil || row.Line < 1 || row.Line > lines) {
				t.Fatalf("%+v of %d lines", row, lines)
			}
			if !failed {
				pyval.Repr(row.Values)
			}
		}
	})
}
