package scaling_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// published finds the folder of published curves, and skips the test where it is missing.
func published(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ONSET_EMERGENCE_DATA")
	if dir == "" {
		root := os.Getenv("ONSET_SHARED")
		if root == "" {
			root = filepath.Join("..", "..", "..", "shared")
		}
		dir = filepath.Join(root, "emergence")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("published curves are not at %s: set ONSET_EMERGENCE_DATA", dir)
	}
	return dir
}

// row is a line of a CSV file by column name.
type row map[string]string

func (r row) number(column string) float64 {
	v, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		return 0
	}
	return v
}

func readRows(t testing.TB, path string) []row {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(f).ReadAll()
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	var rows []row
	for _, line := range lines[1:] {
		r := row{}
		for i, name := range lines[0] {
			r[name] = line[i]
		}
		rows = append(rows, r)
	}
	return rows
}

// curveKey names a curve of a published file.
type curveKey struct {
	task, family, style string
	shots               int
	metric              string
}

// readCurves groups a published file into curves over the column x.
func readCurves(t testing.TB, file, x string) map[curveKey]*scaling.Curve {
	t.Helper()
	curves := map[curveKey]*scaling.Curve{}
	rows := readRows(t, filepath.Join(published(t), file))
	final := map[string]float64{} // each model's last checkpoint
	for _, r := range rows {
		final[r["model"]] = max(final[r["model"]], r.number("step"))
	}
	for _, r := range rows {
		if r.number("step") < final[r["model"]] {
			continue
		}
		shots, err := strconv.Atoi(r["shots"])
		if err != nil {
			t.Fatalf("%s: shots %q", file, r["shots"])
		}
		key := curveKey{r["task"], r["family"], r["prompt"], shots, r["metric"]}
		c := curves[key]
		if c == nil {
			c = &scaling.Curve{Task: key.task, Family: key.family, Style: key.style, Shots: shots, Metric: r["metric"], Axis: x,
				Baseline: scaling.Baseline{Value: r.number("chance"), Origin: "given"}}
			curves[key] = c
		}
		c.Points = append(c.Points, scaling.Point{Model: r["model"], X: r.number(x),
			N: r.number("n"), K: r.number("k_correct"), Score: r.number("score"), StdErr: r.number("stderr")})
	}
	if len(curves) == 0 {
		t.Fatalf("%s holds no curve", file)
	}
	return curves
}
