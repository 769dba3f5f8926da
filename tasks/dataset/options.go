package dataset

import (
	"fmt"
	"slices"
)

// Options say how a file is read. The zero value reads what stands in the file and coerces nothing.
type Options struct {
	// CSV, where set, makes the CSV reader guess types as pandas does. Nil gives texts under a header line.
	CSV *CSVOptions
	// Field names the key of a JSON object that holds the list of rows.
	Field string
	// SampleBy says what one row of a text file is.
	SampleBy SampleBy
	// Labels names the classes of columns whose texts become class numbers.
	Labels map[string][]string
	// Without names columns that are left out, such as those with bytes.
	Without []string

	shape *shape // what all rows of a split have in common; nil leaves rows as they are
}

// CSVOptions are those of pandas.read_csv that task files use.
type CSVOptions struct {
	// Comma separates fields; 0 is a comma.
	Comma byte
	// Quote encloses fields; 0 is the double quote. NoQuote reads quotes as text.
	Quote   byte
	NoQuote bool
	// Names are the columns. With Header 0 they replace the header line, else there is none.
	Names []string
	// Header is the number of the header line among the lines that are not blank or skipped; NoHeader is
	// none. The zero value is the first line, or none where Names are given and HeaderSet is false.
	Header    int
	HeaderSet bool
	// SkipRows is how many lines are passed over first.
	SkipRows int
	// NAValues are further texts for a missing value. KeepNA reads the usual ones, such as "" and "NA", as
	// text.
	NAValues []string
	KeepNA   bool
}

// NoHeader in CSVOptions.Header says that there is no header line.
const NoHeader = -1

func (f File) options() Options {
	if f.Options == nil {
		return Options{}
	}
	return *f.Options
}

func (o Options) without(column string) bool { return slices.Contains(o.Without, column) }

// naValues are the texts that pandas reads as missing.
var naValues = []string{"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND",
	"1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}

// relabel gives class numbers in place of names.
func (o Options) relabel(row Row) error {
	for column, names := range o.Labels {
		v, ok := row.Values.Get(column)
		if !ok {
			continue
		}
		n, err := label(v, names)
		if err != nil {
			return &Error{File: row.File, Line: row.Line, Err: fmt.Errorf("column %q: %w", column, err)}
		}
		row.Values.Set(column, n)
	}
	return nil
}
