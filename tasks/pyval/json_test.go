package pyval_test

import (
	"math"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

func dict(t testing.TB, pairs ...pyval.Value) *pyval.Dict {
	t.Helper()
	d := new(pyval.Dict)
	for i := 0; i < len(pairs); i += 2 {
		if err := d.SetItem(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// Expected texts are those of CPython 3.11's json.dumps.
func TestJSON(t *testing.T) {
	v := dict(t, "b", int64(1),
		"a", pyval.List{1.0, true, nil, "é\"\\\n\x7f\u2028😀", pyval.List{}, new(pyval.Dict)},
		"n", dict(t, "z", math.Copysign(0, -1), "y", 1e16, "x", math.NaN(), "w", math.Inf(1)),
		"t", pyval.Tuple{int64(1), &pyval.Array{Items: []pyval.Value{int64(2)}}})
	for _, c := range []struct {
		name string
		opts pyval.JSONOptions
		want string
	}{
		{"indent=2, ensure_ascii=False", pyval.JSONOptions{Indent: "  ", Pretty: true},
			"{\n  \"b\": 1,\n  \"a\": [\n    1.0,\n    true,\n    null,\n    \"é\\\"\\\\\\n\x7f\u2028😀\",\n    [],\n    {}\n  ],\n  \"n\": {\n    \"z\": -0.0,\n    \"y\": 1e+16,\n    \"x\": NaN,\n    \"w\": Infinity\n  },\n  \"t\": [\n    1,\n    [\n      2\n    ]\n  ]\n}"},
		{"ensure_ascii=False", pyval.JSONOptions{},
			"{\"b\": 1, \"a\": [1.0, true, null, \"é\\\"\\\\\\n\x7f\u2028😀\", [], {}], \"n\": {\"z\": -0.0, \"y\": 1e+16, \"x\": NaN, \"w\": Infinity}, \"t\": [1, [2]]}"},
		{"default", pyval.JSONOptions{ASCII: true},
			`{"b": 1, "a": [1.0, true, null, "\u00e9\"\\\n\u007f\u2028\ud83d\ude00", [], {}], "n": {"z": -0.0, "y": 1e+16, "x": NaN, "w": Infinity}, "t": [1, [2]]}`},
		{"sort_keys, separators", pyval.JSONOptions{ASCII: true, SortKeys: true, ItemSep: ",", KeySep: ":", SeparatorsGive: true},
			`{"a":[1.0,true,null,"\u00e9\"\\\n\u007f\u2028\ud83d\ude00",[],{}],"b":1,"n":{"w":Infinity,"x":NaN,"y":1e+16,"z":-0.0},"t":[1,[2]]}`},
	} {
		if got, err := pyval.DumpJSON(v, c.opts); err != nil || got != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
	keys := dict(t, int64(1), int64(1), nil, int64(2), true, int64(3), 1.5, int64(4))
	if got, err := pyval.JSON(keys, false); err != nil || got != `{"1": 3, "null": 2, "1.5": 4}` {
		t.Errorf("keys: %s, %v", got, err)
	}
	if got, err := pyval.JSON(dict(t, pyval.Tuple{int64(1)}, nil), false); err == nil {
		t.Errorf("a tuple as key gives %s", got)
	}
}

// What == gives in CPython 3.11.
func TestEqual(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		a, b pyval.Value
		want bool
	}{
		{int64(1), 1.0, true},
		{int64(1), true, true},
		{0.0, false, true},
		{int64(1), "1", false},
		{nil, false, false},
		{nil, nil, true},
		{nan, nan, false},
		{int64(9007199254740993), 9007199254740992.0, false},
		{pyval.List{int64(1), "a"}, &pyval.Array{Items: []pyval.Value{1.0, "a"}}, true},
		{pyval.List{int64(1)}, pyval.Tuple{int64(1)}, false},
		{pyval.List{int64(1)}, pyval.List{int64(1), int64(1)}, false},
		{dict(t, "a", int64(1), "b", pyval.List{}), dict(t, "b", pyval.List{}, "a", true), true},
		{dict(t, "a", int64(1)), dict(t, "a", int64(2)), false},
		{dict(t, "a", nil), dict(t, "b", nil), false},
		{dict(t, int64(1), "x"), dict(t, 1.0, "x"), true},
		{dict(t, int64(1), "x"), dict(t, "1", "x"), false},
		{pyval.Range{Stop: 0, Step: 1}, pyval.Range{Start: 5, Stop: 1, Step: 1}, true},
		{"a", pyval.Markup("a"), true},
	} {
		if got := pyval.Equal(c.a, c.b); got != c.want {
			t.Errorf("%s == %s gives %v", pyval.Repr(c.a), pyval.Repr(c.b), got)
		}
		if got := pyval.Equal(c.b, c.a); got != c.want {
			t.Errorf("%s == %s gives %v", pyval.Repr(c.b), pyval.Repr(c.a), got)
		}
	}
}

func TestDict(t *testing.T) {
	d := new(pyval.Dict)
	for i := range 30 { // beyond where a map takes over from looking through the keys
		d.Set(string(rune('a'+i)), int64(i))
		if err := d.SetItem(int64(i), "n"); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok, err := d.Delete("c"); !ok || err != nil {
		t.Errorf("Delete gives %v, %v", ok, err)
	}
	if _, ok, err := d.Delete(2.0); !ok || err != nil {
		t.Errorf("Delete of the key 2 gives %v, %v", ok, err)
	}
	if d.Len() != 58 {
		t.Errorf("%d keys, want 58", d.Len())
	}
	for i := range 30 {
		v, ok := d.Get(string(rune('a' + i)))
		w, found, err := d.GetItem(int64(i))
		if ok != (i != 2) || found != (i != 2) || err != nil {
			t.Errorf("key %d: %v, %v, %v", i, ok, found, err)
		}
		if ok && (v != int64(i) || w != "n") {
			t.Errorf("key %d gives %v and %v", i, v, w)
		}
	}
	if d.Key(0) != "a" || d.Key(1) != int64(0) || d.Key(4) != "d" {
		t.Errorf("keys are %v, %v, …, %v", d.Key(0), d.Key(1), d.Key(4))
	}
	if _, ok := d.Get("1"); ok {
		t.Error("the key 1 is found as a text")
	}
	if err := d.SetItem(pyval.List{}, nil); err == nil {
		t.Error("a list is taken as key")
	}
	if c := d.Clone(); !pyval.Equal(c, d) {
		t.Errorf("the clone is %s", pyval.Repr(c))
	}
}
