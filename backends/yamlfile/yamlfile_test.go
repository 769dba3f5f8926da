package yamlfile_test

import (
	"testing"

	"github.com/onset-eval/onset/backends/yamlfile"
)

func TestNearest(t *testing.T) {
	names := []string{"map", "dict", "instruction_seen", "shots", "styles"}
	for word, want := range map[string]string{
		"mpa": "map", "shot": "shots", "stlyes": "styles", "instructions_seen": "instruction_seen", "instr_seen": "",
		"dictionary": "", "x": "", "": "", "map": "map",
	} {
		if got := yamlfile.Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// field gives the value of the key v.
func field(t *testing.T, text string) yamlfile.Field {
	t.Helper()
	root, err := yamlfile.Parse("f.yaml", []byte("v: "+text))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := root.Pairs()
	if err != nil {
		t.Fatal(err)
	}
	return pairs[0].Field
}

func TestInteger(t *testing.T) {
	for text, want := range map[string]int{"7": 7, "007": 7, "0": 0, "00": 0, "1_000": 1000, "0x10": 16, "0o17": 15, "-3": -3} {
		if got, err := field(t, text).Integer(-10); got != want || err != nil {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"-11":                  "f.yaml:1:4: v: -11 is too small: at least -10",
		"1.0":                  "f.yaml:1:4: v: a whole number is expected, not 1.0",
		"99999999999999999999": "f.yaml:1:4: v: a whole number is expected, not 99999999999999999999",
		"x":                    "f.yaml:1:4: v: a whole number is expected, not text",
		"":                     "f.yaml:1:3: v: a whole number is expected, not nothing",
		"[1]":                  "f.yaml:1:4: v: a whole number is expected, not a list",
	} {
		if _, err := field(t, text).Integer(-10); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestBoolean(t *testing.T) {
	for text, want := range map[string]bool{"true": true, "yes": true, "On": true, "False": false, "no": false, "off": false} {
		if got, err := field(t, text).Boolean(); got != want || err != nil {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{`"yes"`, "1", "maybe", "[true]"} {
		if _, err := field(t, text).Boolean(); err == nil {
			t.Errorf("%s is a truth value", text)
		}
	}
}

func TestPlain(t *testing.T) {
	deep := ""
	for range 40 {
		deep += "["
	}
	for text, want := range map[string]string{
		"&x [*x]":         "f.yaml:1:8: v: an alias inside a value is not supported",
		deep:              "",
		"[{a: !f b}]":     "f.yaml:1:9: a: !f is not supported yet",
		"{a: 1, a: 2}":    `f.yaml:1:11: the key "a" stands twice`,
		"{[1]: 2}":        "f.yaml:1:5: a key is text, not a list",
		"{<<: {a: 1}}":    "f.yaml:1:5: merge keys (<<) are not supported",
		"[1, 1.5, x, ~]":  "ok",
		"{a: [true, {}]}": "ok",
	} {
		if text == deep {
			for range 40 {
				text += "]"
			}
			want = "f.yaml:1:37: v: values are nested too deeply"
		}
		_, err := field(t, text).Plain(0)
		if want == "ok" && err != nil || want != "ok" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
