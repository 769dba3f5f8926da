package lmeval_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

// decode reads JSON as Python does: integers apart from floats, keys in order.
func decode(t testing.TB, data []byte) pyval.Value {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func decodeValue(d *json.Decoder) (pyval.Value, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
		return v.Float64()
	case json.Delim:
		if v == '[' {
			out := pyval.List{}
			for d.More() {
				e, err := decodeValue(d)
				if err != nil {
					return nil, err
				}
				out = append(out, e)
			}
			_, err = d.Token()
			return out, err
		}
		out := new(pyval.Dict)
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			e, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			out.Set(key.(string), e)
		}
		_, err = d.Token()
		return out, err
	}
	return token, nil
}
