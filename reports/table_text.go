package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// WriteText writes the table for a terminal of width columns, wrapping cells
// to fit; width 0 means no limit.
func (t Table) WriteText(w io.Writer, width int) error {
	var b bytes.Buffer
	if t.Title != "" {
		fmt.Fprintln(&b, oneLine(t.Title))
	}
	opts := []tablewriter.Option{tablewriter.WithRenderer(renderer.NewBlueprint())}
	if width > 0 {
		opts = append(opts, tablewriter.WithMaxWidth(width), tablewriter.WithRowAutoWrap(tw.WrapBreak), tablewriter.WithHeaderAutoWrap(tw.WrapBreak))
	} else {
		opts = append(opts, tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithHeaderAutoWrap(tw.WrapNone))
	}
	if err := t.render(&b, opts, func(s string, _ bool) string { return s }); err != nil {
		return fmt.Errorf("write table %q as text: %w", t.Title, err)
	}
	for _, n := range t.Notes {
		fmt.Fprintln(&b, oneLine(n))
	}
	return flush(w, &b, t.Title, "text")
}

// WriteMarkdown writes a GitHub table with the notes below it.
func (t Table) WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	if t.Title != "" {
		fmt.Fprintf(&b, "**%s**\n\n", markdown(t.Title))
	}
	opts := []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewMarkdown()),
		tablewriter.WithRowAutoWrap(tw.WrapNone), tablewriter.WithHeaderAutoWrap(tw.WrapNone),
	}
	err := t.render(&b, opts, func(s string, bold bool) string {
		if s = markdown(s); bold && s != "" {
			return "**" + s + "**"
		}
		return s
	})
	if err != nil {
		return fmt.Errorf("write table %q as markdown: %w", t.Title, err)
	}
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "\n%s\n", markdown(n))
	}
	return flush(w, &b, t.Title, "markdown")
}

func markdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`).Replace(oneLine(s))
}

func (t Table) render(w io.Writer, opts []tablewriter.Option, dress func(string, bool) string) error {
	if len(t.Columns) == 0 {
		return fmt.Errorf("it has no columns")
	}
	var head []string
	var align tw.Alignment
	for _, c := range t.Columns {
		head = append(head, dress(oneLine(c.title()), false))
		align = append(align, map[Align]tw.Align{AlignLeft: tw.AlignLeft, AlignRight: tw.AlignRight, AlignCenter: tw.AlignCenter}[c.align()])
	}
	opts = append(opts, tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithRowAutoFormat(tw.Off), tablewriter.WithAlignment(align))
	out := tablewriter.NewTable(w, opts...)
	out.Header(head)
	for _, r := range t.Rows {
		var cells []string
		for i, c := range t.Columns {
			x := t.cell(r, i)
			cells = append(cells, dress(c.plain(x), x.Bold))
		}
		if err := out.Append(cells); err != nil {
			return err
		}
	}
	return out.Render()
}

func flush(w io.Writer, b *bytes.Buffer, title, format string) error {
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write table %q as %s: %w", title, format, err)
	}
	return nil
}
