package pycode

import (
	"fmt"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// dataset is a datasets.Dataset: rows with columns. Its rows are never changed; functions get copies.
type dataset struct {
	thing
	rows []*pyval.Dict
}

func newDataset(rows []*pyval.Dict) *dataset { return &dataset{thing{"Dataset"}, rows} }

// Len counts the rows.
func (d *dataset) Len() (int, error) { return len(d.rows), nil }

// Truth is false for none.
func (d *dataset) Truth() (bool, error) { return len(d.rows) > 0, nil }

// Iter gives copies of the rows.
func (d *dataset) Iter() (pyval.Next, error) {
	i := 0
	return func() (pyval.Value, bool, error) {
		if i >= len(d.rows) {
			return nil, false, nil
		}
		i++
		return thaw(d.rows[i-1]), true, nil
	}, nil
}

// rowsOf gives the documents of what process_docs gave: a dataset or a list of dictionaries.
func rowsOf(v pyval.Value) ([]*pyval.Dict, error) {
	if d, ok := v.(*dataset); ok {
		return d.rows, nil
	}
	frozen, err := freeze(v)
	if err != nil {
		return nil, err
	}
	items, ok := pyval.Items(frozen)
	if !ok {
		return nil, fmt.Errorf("documents are expected, not %s", pyval.TypeName(v))
	}
	out := make([]*pyval.Dict, len(items))
	for i, item := range items {
		if out[i], ok = item.(*pyval.Dict); !ok {
			return nil, fmt.Errorf("document %d is no dictionary but a %s", i, pyval.TypeName(item))
		}
	}
	return out, nil
}

// columns lists the columns, in order.
func (d *dataset) columns() []pyval.Value {
	var out []pyval.Value
	if len(d.rows) > 0 {
		for _, k := range d.rows[0].Keys() {
			out = append(out, k)
		}
	}
	return out
}

// getItem gives a row by its number, or a column by its name.
func (d *dataset) getItem(_ *interp, key pyval.Value) (pyval.Value, error) {
	if name, ok := key.(string); ok {
		out := make([]pyval.Value, len(d.rows))
		for i, r := range d.rows {
			v, found := r.Get(name)
			if !found {
				return nil, pyval.Errorf("KeyError", "%s", pyval.Repr("Column "+name+" not in the dataset."))
			}
			out[i] = thaw(v)
		}
		return &pyval.Array{Items: out}, nil
	}
	n, ok := integer(key)
	if n < 0 {
		n += int64(len(d.rows))
	}
	if !ok || n < 0 || n >= int64(len(d.rows)) {
		return nil, pyval.Errorf("IndexError", "Invalid key: %s is out of bounds for size %d", pyval.Repr(key), len(d.rows))
	}
	return thaw(d.rows[n]), nil
}

// slice gives columns of lists.
func (d *dataset) slice(start, stop, step pyval.Value) (pyval.Value, error) {
	out := new(pyval.Dict)
	for _, c := range d.columns() {
		column, err := d.getItem(nil, c)
		if err != nil {
			return nil, err
		}
		part, err := pyval.Slice(column, start, stop, step)
		if err != nil {
			return nil, err
		}
		out.Set(c.(string), part)
	}
	return out, nil
}

func (d *dataset) getAttr(name string) (pyval.Value, bool) {
	switch name {
	case "column_names":
		return &pyval.Array{Items: d.columns()}, true
	case "num_rows":
		return int64(len(d.rows)), true
	case "features":
		f := new(pyval.Dict)
		for _, c := range d.columns() {
			f.Set(c.(string), poisoned(unsupported("a feature of a dataset")))
		}
		return f, true
	}
	for _, m := range d.methods() {
		if m.name == name {
			return m, true
		}
	}
	return nil, false
}

// methods are those of datasets.Dataset.
func (d *dataset) methods() []*Func {
	return []*Func{
		NewFunc("map", []string{"function", "with_indices?", "with_rank?", "input_columns?", "batched?", "batch_size?", "drop_last_batch?", "remove_columns?",
			"keep_in_memory?", "load_from_cache_file?", "cache_file_name?", "writer_batch_size?", "features?", "disable_nullable?", "fn_kwargs?", "num_proc?",
			"suffix_template?", "new_fingerprint?", "desc?"}, d.mapped),
		NewFunc("filter", []string{"function", "with_indices?", "with_rank?", "input_columns?", "batched?", "batch_size?", "keep_in_memory?",
			"load_from_cache_file?", "cache_file_name?", "writer_batch_size?", "fn_kwargs?", "num_proc?", "suffix_template?", "new_fingerprint?", "desc?"}, d.filtered),
		NewFunc("select", []string{"indices"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			at, err := pyval.Collect(a[0])
			if err != nil {
				return nil, err
			}
			rows := make([]*pyval.Dict, len(at))
			for i, v := range at {
				n, ok := integer(v)
				if n < 0 {
					n += int64(len(d.rows))
				}
				if !ok || n < 0 || n >= int64(len(d.rows)) {
					return nil, pyval.Errorf("IndexError", "Index %s out of range for dataset of size %d.", pyval.Repr(v), len(d.rows))
				}
				rows[i] = d.rows[n]
			}
			return newDataset(rows), nil
		}),
		NewFunc("to_list", nil, func(*Call, []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(d)
			return &pyval.Array{Items: items}, err
		}),
		NewFunc("to_dict", nil, func(*Call, []pyval.Value) (pyval.Value, error) { return d.slice(nil, nil, nil) }),
		NewFunc("remove_columns", []string{"column_names"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			names, err := nameList(a[0])
			if err != nil {
				return nil, err
			}
			return d.change(func(row *pyval.Dict) error {
				for _, n := range names {
					if _, ok, err := row.Delete(n); err != nil || !ok {
						return pyval.Errorf("ValueError", "Column name %s not in the dataset.", pyval.Repr(n))
					}
				}
				return nil
			})
		}),
		NewFunc("select_columns", []string{"column_names"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			names, err := nameList(a[0])
			if err != nil {
				return nil, err
			}
			return d.change(func(row *pyval.Dict) error {
				old := row.Clone()
				row.Clear()
				for _, n := range names {
					v, _ := old.Get(pyval.Str(n))
					row.Set(pyval.Str(n), v)
				}
				return nil
			})
		}),
		NewFunc("rename_column", []string{"original_column_name", "new_column_name"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			return d.renamed(map[string]string{pyval.Str(a[0]): pyval.Str(a[1])})
		}),
		NewFunc("rename_columns", []string{"column_mapping"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			names := make(map[string]string)
			if m, ok := a[0].(*pyval.Dict); ok {
				for i := range m.Len() {
					k, v := m.At(i)
					names[pyval.Str(k)] = pyval.Str(v)
				}
			}
			return d.renamed(names)
		}),
		NewFunc("add_column", []string{"name", "column"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			column, err := pyval.Collect(a[1])
			if err != nil {
				return nil, err
			}
			if len(column) != len(d.rows) {
				return nil, pyval.Errorf("ValueError", "the column has %d items, the dataset %d rows", len(column), len(d.rows))
			}
			i := -1
			return d.change(func(row *pyval.Dict) error {
				i++
				v, err := freeze(column[i])
				row.Set(pyval.Str(a[0]), v)
				return err
			})
		}),
		NewFunc("unique", []string{"column"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			column, err := d.getItem(nil, a[0])
			if err != nil {
				return nil, err
			}
			s, err := asSet(column)
			if err != nil {
				return nil, err
			}
			return &pyval.Array{Items: s.list()}, nil
		}),
	}
}

// change makes a dataset of changed copies of the rows.
func (d *dataset) change(fn func(row *pyval.Dict) error) (pyval.Value, error) {
	rows := make([]*pyval.Dict, len(d.rows))
	for i, r := range d.rows {
		rows[i] = r.Clone()
		if err := fn(rows[i]); err != nil {
			return nil, err
		}
	}
	return newDataset(rows), nil
}

func (d *dataset) renamed(names map[string]string) (pyval.Value, error) {
	return d.change(func(row *pyval.Dict) error {
		old := row.Clone()
		row.Clear()
		for _, k := range old.Keys() {
			v, _ := old.Get(k)
			if n, ok := names[k]; ok {
				k = n
			}
			row.Set(k, v)
		}
		return nil
	})
}

// nameList gives one name, or several, as a list.
func nameList(v pyval.Value) ([]pyval.Value, error) {
	if v == Missing || v == nil {
		return nil, nil
	}
	if _, ok := v.(string); ok {
		return []pyval.Value{v}, nil
	}
	return pyval.Collect(v)
}

// refuse fails where an option is set that is not interpreted.
func refuse(method string, options map[string]pyval.Value) error {
	for name, v := range options {
		if v != Missing && v != nil && v != false {
			return unsupported("%s with %s", method, name)
		}
	}
	return nil
}

// arguments makes those of a function of a row.
func rowCall(c *Call, row pyval.Value, i int, withIndices, options pyval.Value) (*Call, error) {
	k := &Call{in: c.in, Pos: []pyval.Value{row}}
	if yes, err := pyval.Truth(Or(withIndices, false)); err != nil {
		return nil, err
	} else if yes {
		k.Pos = append(k.Pos, int64(i))
	}
	if d, ok := options.(*pyval.Dict); ok {
		for j := range d.Len() {
			name, v := d.At(j)
			k.Names, k.Vals = append(k.Names, pyval.Str(name)), append(k.Vals, v)
		}
	}
	return k, nil
}

// mapped is map: what the function leaves of a row it was given, and over it what the function gives.
func (d *dataset) mapped(c *Call, a []pyval.Value) (pyval.Value, error) {
	if err := refuse("map", map[string]pyval.Value{"with_rank": a[2], "input_columns": a[3], "features": a[12]}); err != nil {
		return nil, err
	}
	drop, err := nameList(a[7])
	if err != nil {
		return nil, err
	}
	if yes, err := pyval.Truth(Or(a[4], false)); err != nil {
		return nil, err
	} else if yes {
		return d.batched(c, a[0], a[1], a[14], drop)
	}
	rows := make([]*pyval.Dict, len(d.rows))
	for i, r := range d.rows {
		row := thaw(r).(*pyval.Dict)
		k, err := rowCall(c, row, i, a[1], a[14])
		if err != nil {
			return nil, err
		}
		v, err := c.in.apply(a[0], k)
		if err != nil {
			return nil, err
		}
		if v == nil {
			rows[i] = r
			continue
		}
		given, ok := v.(*pyval.Dict)
		if !ok {
			return nil, pyval.Errorf("TypeError", "Provided `function` which is applied to all elements of table returns a variable of type %s", pyval.TypeName(v))
		}
		out := row.Clone()
		for _, n := range drop {
			if _, _, err := out.Delete(n); err != nil {
				return nil, err
			}
		}
		for j := range given.Len() {
			key, item := given.At(j)
			if given == row && slices.Contains(drop, key) {
				continue
			}
			if err := out.SetItem(key, item); err != nil {
				return nil, err
			}
		}
		frozen, err := freeze(out)
		if err != nil {
			return nil, err
		}
		rows[i] = frozen.(*pyval.Dict)
	}
	return newDataset(aligned(rows)), nil
}

// aligned gives all rows the same columns, with None where a row lacks one, as a table has it.
func aligned(rows []*pyval.Dict) []*pyval.Dict {
	same := true
	for _, r := range rows {
		same = same && slices.Equal(r.Keys(), rows[0].Keys())
	}
	if same {
		return rows
	}
	all := new(pyval.Dict)
	for _, r := range rows {
		for _, k := range r.Keys() {
			all.Set(k, nil)
		}
	}
	out := make([]*pyval.Dict, len(rows))
	for i, r := range rows {
		out[i] = all.Clone()
		out[i].Update(r)
	}
	return out
}

// batched is map with batched=True, of one batch: a dictionary of columns in, and one out.
func (d *dataset) batched(c *Call, fn, withIndices, options pyval.Value, drop []pyval.Value) (pyval.Value, error) {
	if yes, err := pyval.Truth(Or(withIndices, false)); err != nil || yes {
		return nil, unsupported("map of batches with indices")
	}
	if len(d.rows) > 1000 {
		return nil, unsupported("map of batches of more than 1,000 rows")
	}
	columns, err := d.slice(nil, nil, nil)
	if err != nil {
		return nil, err
	}
	k, err := rowCall(c, columns, 0, false, options)
	if err != nil {
		return nil, err
	}
	v, err := c.in.apply(fn, k)
	if err != nil {
		return nil, err
	}
	given, ok := v.(*pyval.Dict)
	if !ok {
		return nil, unsupported("map of batches to a %s", pyval.TypeName(v))
	}
	out := columns.(*pyval.Dict).Clone()
	for _, n := range drop {
		if _, _, err := out.Delete(n); err != nil {
			return nil, err
		}
	}
	for i := range given.Len() {
		key, column := given.At(i)
		if !slices.Contains(drop, key) || given != columns {
			out.Set(pyval.Str(key), column)
		}
	}
	return fromColumns(out)
}

// fromColumns makes a dataset of a dictionary of columns.
func fromColumns(columns *pyval.Dict) (pyval.Value, error) {
	var rows []*pyval.Dict
	for i, name := range columns.Keys() {
		v, _ := columns.Get(name)
		items, err := pyval.Collect(v)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			for range items {
				rows = append(rows, new(pyval.Dict))
			}
		}
		if len(items) != len(rows) {
			return nil, pyval.Errorf("ValueError", "the columns differ in length")
		}
		for j, item := range items {
			frozen, err := freeze(item)
			if err != nil {
				return nil, err
			}
			rows[j].Set(name, frozen)
		}
	}
	return newDataset(rows), nil
}

func (d *dataset) filtered(c *Call, a []pyval.Value) (pyval.Value, error) {
	if err := refuse("filter", map[string]pyval.Value{"with_rank": a[2], "input_columns": a[3], "batched": a[4]}); err != nil {
		return nil, err
	}
	var rows []*pyval.Dict
	for i, r := range d.rows {
		k, err := rowCall(c, thaw(r), i, a[1], a[10])
		if err != nil {
			return nil, err
		}
		v, err := c.in.apply(a[0], k)
		if err != nil {
			return nil, err
		}
		if keep, err := pyval.Truth(v); err != nil {
			return nil, err
		} else if keep {
			rows = append(rows, r)
		}
	}
	return newDataset(rows), nil
}
