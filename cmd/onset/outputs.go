package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/onset-eval/onset/reports"
)

// writeFile writes a file whole or not at all: into a new file beside it, which then takes its place.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(buf.Bytes())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

// extension gives a path's format: its extension without the dot, in lower case.
func extension(path string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
}

// tableFormats lists the formats of tables, by extension.
var tableFormats = []string{"txt", "md", "tex", "csv", "json", "html"}

// writeTables writes tables one after the other.
func writeTables(w io.Writer, tables []reports.Table, format string, width int) error {
	for i, t := range tables {
		if i > 0 && format != "json" {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		var err error
		switch format {
		case "txt":
			err = t.WriteText(w, width)
		case "md":
			err = t.WriteMarkdown(w)
		case "tex":
			err = t.WriteLaTeX(w)
		case "csv":
			err = t.WriteCSV(w)
		case "json":
			err = t.WriteJSON(w)
		case "html":
			err = t.WriteHTML(w)
		default:
			err = usage(withHint(fmt.Errorf("no table format is named %q", format), "the formats are %s", strings.Join(tableFormats, ", ")))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printTable writes a run's results to stdout: wide where there are several models, else one row an estimate.
func printTable(a *app, dir string, json bool) error {
	results, err := reports.Load(dir)
	if err != nil {
		return err
	}
	format := "txt"
	if json {
		format = "json"
	}
	return writeTables(a.stdout, chooseTables(results, json, false), format, a.width)
}

// chooseTables gives the wide tables of several models, or the long one.
func chooseTables(r reports.Results, long, uncertainty bool) []reports.Table {
	if long || len(r.Models) < 2 {
		return []reports.Table{r.Long()}
	}
	return r.Wide(uncertainty)
}

// terminalWidth is the number of columns of a terminal, 0 where f is none.
func terminalWidth(f *os.File) int {
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		return w
	}
	return 0
}
