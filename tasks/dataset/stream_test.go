package dataset_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/onset-eval/onset/tasks/dataset"
)

// record is a row about as large as those of a benchmark.
type record struct {
	ID      int64    `parquet:"id"`
	Query   string   `parquet:"query"`
	Answers []string `parquet:"answers,list"`
	Label   int32    `parquet:"label"`
}

// writeRows writes rows as train.jsonl, train.csv and train.parquet.
func writeRows(tb testing.TB, rows int) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	var lines, table bytes.Buffer
	table.WriteString("id,query,label\n")
	var p bytes.Buffer
	w := parquet.NewGenericWriter[record](&p, parquet.MaxRowsPerRowGroup(10_000), parquet.Compression(&parquet.Snappy))
	for i := range rows {
		query := fmt.Sprintf("question %d: %s?", i, strings.Repeat("lorem ipsum ", 12))
		fmt.Fprintf(&lines, "{\"id\":%d,\"query\":%q,\"answers\":[\"first\",\"second\",\"third\"],\"label\":%d}\n", i, query, i%4)
		fmt.Fprintf(&table, "%d,%s,%d\n", i, query, i%4)
		if _, err := w.Write([]record{{int64(i), query, []string{"first", "second", "third"}, int32(i % 4)}}); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	for name, b := range map[string][]byte{"jsonl": lines.Bytes(), "csv": table.Bytes(), "parquet": p.Bytes()} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "train."+name), b, 0o666); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func openOne(tb testing.TB, dir string) *dataset.Split {
	tb.Helper()
	d, err := dataset.Open(context.Background(), dataset.Ref{Path: dir}, dataset.Sources{})
	if err != nil {
		tb.Fatal(err)
	}
	return d.Splits[0]
}

// TestMemory reads many rows of each format in memory that does not grow with them.
func TestMemory(t *testing.T) {
	dir := writeRows(t, 60_000)
	for _, format := range []string{"jsonl", "csv", "parquet"} {
		t.Run(format, func(t *testing.T) {
			s := openOne(t, filepath.Join(dir, format))
			n, peak := 0, uint64(0)
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for _, err := range s.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n%15_000 == 0 {
					runtime.GC()
					runtime.ReadMemStats(&now)
					peak = max(peak, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
				}
			}
			if n != 60_000 {
				t.Errorf("%d rows", n)
			}
			t.Logf("%d KiB held", peak>>10)
			if peak > 8<<20 {
				t.Errorf("%d bytes held", peak)
			}
		})
	}
}

// BenchmarkFormats measures rows a second. The first pass over JSON and CSV, which finds types, is measured as
// first; later passes need none.
func BenchmarkFormats(b *testing.B) {
	const rows = 20_000
	dir := writeRows(b, rows)
	for _, format := range []string{"jsonl", "csv", "parquet"} {
		for _, pass := range []string{"first", "later"} {
			b.Run(format+"/"+pass, func(b *testing.B) {
				b.ReportAllocs()
				s := openOne(b, filepath.Join(dir, format))
				for b.Loop() {
					if pass == "first" {
						s = openOne(b, filepath.Join(dir, format))
					}
					for _, err := range s.Rows() {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}

// TestSeek reads one row far into a Parquet file without reading those before it.
func TestSeek(t *testing.T) {
	s := openOne(t, filepath.Join(writeRows(t, 30_000), "parquet"))
	for _, i := range []int{0, 9_999, 10_000, 25_003, 29_999} {
		row, err := s.At(i)
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := row.Values.Get("id"); id != int64(i) || row.Index != i || row.Line != i+1 {
			t.Errorf("At(%d) gives row %v, index %d, line %d", i, id, row.Index, row.Line)
		}
	}
}
