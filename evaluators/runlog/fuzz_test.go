package runlog

import (
	"bytes"
	"testing"
)

// Whatever follows sound lines, they are read, and nothing panics.
func FuzzScan(f *testing.F) {
	var sound []byte
	const n = 3
	for i := range n {
		r := record(i)
		data, err := line{Record: &r}.encode(encoding())
		if err != nil {
			f.Fatal(err)
		}
		sound = append(sound, data...)
	}
	f.Add([]byte(""))
	f.Add(sound[:200])
	f.Add([]byte("{}\n{\"record\":null}\n[]\n\x00"))
	f.Add([]byte(`{"record":{"model":1}}`))
	f.Add([]byte(`{"record":{"scores":[{"value":1e999}]}}` + "\n"))
	f.Fuzz(func(t *testing.T, tail []byte) {
		r := NewReader(t.TempDir())
		var warn Warnings
		got := 0
		err := r.scan(bytes.NewReader(append(bytes.Clone(sound), tail...)), "x", &warn, func(l line) bool {
			if l.Record != nil && got < n && l.Record.Key == record(got).Key {
				got++
			}
			return true
		})
		if err != nil || got != n {
			t.Errorf("%d of %d sound records, %v", got, n, err)
		}
		lines := bytes.Count(tail, []byte("\n")) + 1
		if warn.Torn > 1 || warn.CorruptLines+warn.Torn > lines {
			t.Errorf("%d lines give %+v", lines, warn)
		}
	})
}
