package pyval

import "strings"

var htmlEscaper = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// Escape is markupsafe.escape of a text.
func Escape(s string) Markup { return Markup(htmlEscaper.Replace(s)) }

// EscapeValue is markupsafe.escape of any value: Markup stays as it is.
func EscapeValue(v Value) (Markup, error) {
	if m, ok := v.(Markup); ok {
		return m, nil
	}
	s, err := Text(v)
	return Escape(s), err
}
