package dataset_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/onset-eval/onset/tasks/dataset"
)

// TestDatasetsCache reads the Arrow stream and dataset_info.json that `datasets` itself wrote.
func TestDatasetsCache(t *testing.T) {
	src := dataset.Sources{DatasetsCache: "testdata/datasets_cache"}
	src.Hub.Offline = true
	want := "# train\n{'t': 'a', 'label': 1}\n{'t': 'b', 'label': 0}\n"
	for _, ref := range []dataset.Ref{
		{Path: "org/labels"}, {Path: "org/Labels", Name: "default"},
		{Path: "org/labels", Revision: "0123456789012345678901234567890123456789"},
	} {
		if got := open(t, ref, src); got != want {
			t.Errorf("%+v gives\n%s", ref, got)
		}
	}
	_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/labels", Revision: strings.Repeat("9", 40)}, src)
	wantError(t, err, nil, "it is in none of", "datasets_cache")
}

// TestMirror reads a copy of a repository in a folder, configuration by configuration.
func TestMirror(t *testing.T) {
	files := map[string]string{
		"org/plain/en/train-00000-of-00001.jsonl":           "{\"a\":1}\n",
		"org/plain/en/auxiliary_train-00000-of-00001.jsonl": "{\"a\":2}\n",
		"org/plain/fr/dev.csv":                              "a\n3\n",
		"org/converted/en/few_shot/0000.jsonl":              "",
		"org/empty/LICENSE":                                 "x",
		"org/broken/README.md":                              "---\nconfigs: [\n---\n",
		"org/missing/README.md":                             "---\nconfigs:\n- config_name: x\n  data_files: none/*.jsonl\n---\n",
		"org/many/README.md":                                "---\nconfigs:\n- config_name: x\n  data_files: a.jsonl\n- config_name: y\n  data_files: a.jsonl\n---\n",
		"org/many/a.jsonl":                                  "{}",
		"org/badlabel/README.md":                            "---\ndataset_info:\n  features:\n  - name: l\n    dtype:\n      class_label:\n        names: {'0': no}\n---\n",
		"org/badlabel/train.csv":                            "l\nno\nmaybe\n",
		"org/zst/test.jsonl.zst":                            "no zstd",
		"org/binary/README.md":                              "# nothing",
		"org/ragged/test.csv":                               "a,b\n1,2\n1,2,3\n",
		"org/quote/test.csv":                                "a,b\n1,\"2\n",
		"org/cut/test.parquet":                              "PAR1 not quite PAR1",
		"org/lines/test.jsonl":                              "{\"a\":1}\n{\"a\":\n",
	}
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	src := dataset.Sources{Dirs: []string{filepath.Join(dir, "none"), dir}}
	src.Hub.Offline = true
	for _, c := range []struct{ path, name, want string }{
		{"org/plain", "en", "# train\n{'a': 1}\n# auxiliary_train\n{'a': 2}\n"},
		{"org/plain", "fr", "# validation\n{'a': 3}\n"},
		{"org/many", "y", "# train\n{}\n"},
		{"org/plain", "de", `no configuration "de": it has en, fr`},
		{"org/many", "", "dataset_name, one of x, y"},
		{"org/empty", "", "no data files"},
		{"org/broken", "", "README.md: its front matter"},
		{"org/missing", "", "README.md: configuration x: no file matches none/*.jsonl"},
		{"org/badlabel", "", `train.csv:3: column "l": "maybe" is none of the classes ["no"]`},
		{"org/zst", "", "test.jsonl.zst"},
		{"org/ragged", "", "test.csv:3: the row has 3 fields where the header has 2"},
		{"org/quote", "", "test.csv:2: a quoted field is not closed"},
		{"org/cut", "", "test.parquet: the Parquet footer is longer than the file"},
		{"org/lines", "", "test.jsonl:2: the JSON value is cut off"},
		{"org/none", "", "it is in none of"},
	} {
		t.Run(c.path+" "+c.name, func(t *testing.T) {
			got := openOrError(dataset.Ref{Path: c.path, Name: c.name}, src)
			if got != c.want && (strings.HasPrefix(c.want, "#") || !strings.Contains(got, c.want)) {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

// openOrError gives the rows, or the first error.
func openOrError(ref dataset.Ref, src dataset.Sources) string {
	d, err := dataset.Open(context.Background(), ref, src)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, s := range d.Splits {
		b.WriteString("# " + s.Name + "\n" + read(s.Files...))
		if strings.Contains(b.String(), "error: ") {
			return b.String()
		}
	}
	return showRows(d)
}

func showRows(d *dataset.Dataset) string {
	var b strings.Builder
	for _, s := range d.Splits {
		b.WriteString("# " + s.Name + "\n")
		for row, err := range s.Rows() {
			if err != nil {
				return err.Error()
			}
			b.WriteString(repr(row) + "\n")
		}
	}
	return b.String()
}

// TestPartialCopy reads the split that a copy holds, where its README.md names others too.
func TestPartialCopy(t *testing.T) {
	dir := t.TempDir()
	var z bytes.Buffer
	w, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(plainRepo["data/test.jsonl"])); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"README.md": []byte(strings.ReplaceAll(plainRepo["README.md"], ".jsonl", ".jsonl.zst")), "data/test.jsonl.zst": z.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	ref := dataset.Ref{Path: dir, Splits: []string{"test"}}
	if got := open(t, ref, dataset.Sources{}); got != "# test\n{'a': 2}\n{'a': 3}\n" {
		t.Errorf("got\n%s", got)
	}
	_, err = dataset.Open(context.Background(), dataset.Ref{Path: dir}, dataset.Sources{})
	wantError(t, err, nil, "there is no file data/train.jsonl.zst")
}

func TestKwargs(t *testing.T) {
	for _, c := range []struct {
		kwargs map[string]any
		want   string
	}{
		{map[string]any{"trust_remote_code": true, "data_dir": "x"}, ""},
		{map[string]any{"data_file": "x"}, "dataset_kwargs: data_file: it is not known; did you mean data_files?"},
		{map[string]any{"sep": "::"}, `dataset_kwargs: sep: "::" is not one ASCII character`},
		{map[string]any{"skiprows": -1}, "dataset_kwargs: skiprows: -1 is out of range"},
		{map[string]any{"data_files": map[string]any{"test": 7}}, "dataset_kwargs: data_files: 7 is no text"},
		{map[string]any{"encoding": "latin-1"}, "dataset_kwargs: encoding: latin-1 is not supported: convert the files to UTF-8"},
		{map[string]any{"sample_by": "word"}, "dataset_kwargs: sample_by: it is line, paragraph or document"},
	} {
		var ref dataset.Ref
		got := ""
		if err := ref.SetKwargs(c.kwargs); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: got %q, want %q", c.kwargs, got, c.want)
		}
	}
}

func TestSourcesFrom(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HF_HOME": dir, "HF_DATASETS_OFFLINE": "1"}
	got := dataset.SourcesFrom(func(n string) string { return env[n] }, "home")
	if got.HubCache != filepath.Join(dir, "hub") || got.DatasetsCache != filepath.Join(dir, "datasets") || got.Hub.Token != "t" || !got.Hub.Offline {
		t.Errorf("%+v", got)
	}
	env = map[string]string{"HF_TOKEN": "u", "HF_HUB_CACHE": "c", "HF_ENDPOINT": "https://mirror"}
	got = dataset.SourcesFrom(func(n string) string { return env[n] }, "home")
	if diff := cmp.Diff([]any{"c", filepath.Join("home", ".cache", "huggingface", "datasets"), "u", "https://mirror", false},
		[]any{got.HubCache, got.DatasetsCache, got.Hub.Token, got.Hub.URL, got.Hub.Offline}); diff != "" {
		t.Error(diff)
	}
}

// TestFullDisk writes to a device that is always full.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	files := map[string]string{"test.jsonl": "{\"a\":1}\n"}
	h := newHub(t, files)
	src := h.sources(t)
	blobs := filepath.Join(src.HubCache, "datasets--org--name", "blobs")
	if err := os.MkdirAll(blobs, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", filepath.Join(blobs, etag("test.jsonl", files["test.jsonl"])+".incomplete")); err != nil {
		t.Fatal(err)
	}
	_, err := dataset.Open(context.Background(), dataset.Ref{Path: "org/name"}, src)
	wantError(t, err, syscall.ENOSPC, "the disk is full", "HF_HOME")
}

// TestBinary refuses bytes by the column's name, and reads the rest without it.
func TestBinary(t *testing.T) {
	dir := filepath.Join("testdata", "binary")
	_, err := os.Stat(filepath.Join(dir, "test.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"test.parquet", "test.arrow"} {
		ref := dataset.Ref{Path: strings.TrimPrefix(filepath.Ext(name), "."), DataFiles: []dataset.SplitFiles{{Split: "test", Patterns: []string{name}}}}
		got := openOrError(ref, dataset.Sources{WorkDir: dir})
		if !strings.Contains(got, `column "b": it holds bytes`) || !strings.Contains(got, name+":1:") {
			t.Errorf("%s: %s", name, got)
		}
		ref.Options.Without = []string{"b"}
		if got := openOrError(ref, dataset.Sources{WorkDir: dir}); got != "# test\n{'a': 1}\n" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
