package reports

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gocarina/gocsv"
)

// Number is a float64 whose NaN is an empty CSV field: not known.
type Number float64

// MarshalCSV prints the shortest text that reads back the same.
func (n Number) MarshalCSV() (string, error) {
	if math.IsNaN(float64(n)) {
		return "", nil
	}
	return strconv.FormatFloat(float64(n), 'g', -1, 64), nil
}

// UnmarshalCSV reads a number; an empty field is NaN.
func (n *Number) UnmarshalCSV(s string) error {
	if s == "" {
		*n = Number(math.NaN())
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", s)
	}
	*n = Number(v)
	return nil
}

// TidyRow is one point of one curve in long form: every figure can be redrawn from its rows by onset curve.
type TidyRow struct {
	RunID       string `csv:"run_id"`
	Model       string `csv:"model"`
	Family      string `csv:"family"`
	Params      Number `csv:"params"`
	Tokens      Number `csv:"tokens"`
	FLOPs       Number `csv:"flops"`
	Task        string `csv:"task"`
	Split       string `csv:"split"`
	Metric      string `csv:"metric"`
	Filter      string `csv:"filter"`
	KShot       int    `csv:"k_shot"`
	Style       string `csv:"style"`
	Draws       int    `csv:"draws"`
	Seed        int64  `csv:"seed"`
	N           int    `csv:"n"`
	NError      int    `csv:"n_error"`
	Value       Number `csv:"value"`
	StdErr      Number `csv:"stderr"`
	CILo        Number `csv:"ci_lo"`
	CIHi        Number `csv:"ci_hi"`
	Chance      Number `csv:"chance"`
	Normalised  Number `csv:"normalised"`
	KCorrect    Number `csv:"k_correct"`
	PValue      Number `csv:"p_value"`
	PAdjusted   Number `csv:"p_adjusted"`
	Significant bool   `csv:"significant"`
	OnsetBelow  Number `csv:"onset_below"`
	OnsetAbove  Number `csv:"onset_above"`
	Label       string `csv:"label"`
	// What follows is what the curves need beside: see points.Row.
	Primary           bool   `csv:"primary"`
	ScoreKind         string `csv:"score_kind"` // count or mean
	Form              string `csv:"form"`
	Axis              string `csv:"axis"`
	NonEmbedding      Number `csv:"params_nonembedding"`
	Loss              Number `csv:"loss"`
	Step              Number `csv:"step"`
	ChanceOrigin      string `csv:"chance_origin"`
	Perfect           Number `csv:"perfect"`
	Continuous        Number `csv:"continuous"`
	ContinuousStdErr  Number `csv:"continuous_stderr"`
	ContinuousName    string `csv:"continuous_name"`
	ContinuousChance  Number `csv:"continuous_chance"`
	ContinuousPerfect Number `csv:"continuous_perfect"`
	Reference         Number `csv:"reference"`
	ReferenceLabel    string `csv:"reference_label"`
}

// TidyColumns are the columns of a tidy file in order.
func TidyColumns() []string {
	var out []string
	t := reflect.TypeFor[TidyRow]()
	for i := range t.NumField() {
		out = append(out, t.Field(i).Tag.Get("csv"))
	}
	return out
}

// WriteTidy writes a header and one line per row.
func WriteTidy(w io.Writer, rows []TidyRow) error {
	if err := gocsv.Marshal(rows, w); err != nil {
		return fmt.Errorf("write tidy csv: %w", err)
	}
	return nil
}

// ReadTidy reads what WriteTidy wrote; name is the file's name for errors.
// Columns may stand in any order, but a missing, unknown or repeated one is an
// error, as is a field that does not parse, with its line.
func ReadTidy(r io.Reader, name string) ([]TidyRow, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	head, err := csv.NewReader(bytes.NewReader(data)).Read()
	if err != nil {
		return nil, fmt.Errorf("%s:1: read header: %w", name, err)
	}
	if err := checkTidyHeader(head); err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	var rows []TidyRow
	if err := gocsv.UnmarshalBytes(data, &rows); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, nil
}

func checkTidyHeader(head []string) error {
	want := TidyColumns()
	var lacks, unknown []string
	for _, c := range want {
		if !slices.Contains(head, c) {
			lacks = append(lacks, c)
		}
	}
	for i, c := range head {
		if !slices.Contains(want, c) || slices.Contains(head[:i], c) {
			unknown = append(unknown, strconv.Quote(c))
		}
	}
	if len(lacks)+len(unknown) > 0 {
		return fmt.Errorf("columns missing: [%s], unknown or repeated: [%s]", strings.Join(lacks, " "), strings.Join(unknown, " "))
	}
	return nil
}
