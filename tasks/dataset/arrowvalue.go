package dataset

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/onset-eval/onset/tasks/pyval"
)

// errBinary says that bytes have no value here.
var errBinary = errors.New("it holds bytes, which no prompt can show; leave the column out")

// maxItems bounds a list: one of nulls takes no bytes in the file, whatever its length.
const maxItems = 1 << 22

// arrowReader gives a function that reads one value of a column as to_pydict of pyarrow gives it.
func arrowReader(a arrow.Array) (func(i int) (pyval.Value, error), error) {
	read, err := arrowValue(a)
	if err != nil {
		return nil, err
	}
	return func(i int) (pyval.Value, error) {
		if a.IsNull(i) {
			return nil, nil
		}
		return read(i)
	}, nil
}

func arrowValue(a arrow.Array) (func(i int) (pyval.Value, error), error) {
	switch a := a.(type) {
	case *array.Null:
		return func(int) (pyval.Value, error) { return nil, nil }, nil
	case *array.Boolean:
		return func(i int) (pyval.Value, error) { return a.Value(i), nil }, nil
	case *array.Int8:
		return integer(a.Value), nil
	case *array.Int16:
		return integer(a.Value), nil
	case *array.Int32:
		return integer(a.Value), nil
	case *array.Int64:
		return integer(a.Value), nil
	case *array.Uint8:
		return integer(a.Value), nil
	case *array.Uint16:
		return integer(a.Value), nil
	case *array.Uint32:
		return integer(a.Value), nil
	case *array.Uint64:
		return func(i int) (pyval.Value, error) { return unsigned(a.Value(i)) }, nil
	case *array.Float16:
		return func(i int) (pyval.Value, error) { return float64(a.Value(i).Float32()), nil }, nil
	case *array.Float32:
		return func(i int) (pyval.Value, error) { return float64(a.Value(i)), nil }, nil
	case *array.Float64:
		return func(i int) (pyval.Value, error) { return a.Value(i), nil }, nil
	case *array.String:
		return text(a.Value), nil
	case *array.LargeString:
		return text(a.Value), nil
	case *array.StringView:
		return text(a.Value), nil
	case *array.Binary, *array.LargeBinary, *array.BinaryView, *array.FixedSizeBinary:
		return func(int) (pyval.Value, error) { return nil, errBinary }, nil
	case *array.Dictionary:
		read, err := arrowReader(a.Dictionary())
		n := a.Dictionary().Len()
		return func(i int) (pyval.Value, error) {
			at := a.GetValueIndex(i)
			if at < 0 || at >= n {
				return nil, fmt.Errorf("the dictionary has no entry %d", at)
			}
			return read(at)
		}, err
	case *array.Struct:
		return arrowStruct(a)
	case *array.Map:
		return arrowMap(a)
	case array.ListLike:
		read, err := arrowReader(a.ListValues())
		n := int64(a.ListValues().Len())
		return func(i int) (pyval.Value, error) {
			start, end := a.ValueOffsets(i)
			if start < 0 || end < start || end > n || end-start > maxItems {
				return nil, errors.New("a list lies outside of its values, or is too long")
			}
			list := make(pyval.List, 0, end-start)
			for j := start; j < end; j++ {
				v, err := read(int(j))
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			return list, nil
		}, err
	case array.ExtensionArray:
		return arrowReader(a.Storage())
	}
	return arrowScalar(a)
}

func arrowStruct(a *array.Struct) (func(i int) (pyval.Value, error), error) {
	fields := a.DataType().(*arrow.StructType).Fields()
	columns := make([]arrowColumn, len(fields))
	for i, field := range fields {
		read, err := arrowReader(a.Field(i))
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", field.Name, err)
		}
		columns[i] = arrowColumn{field.Name, read}
	}
	return func(i int) (pyval.Value, error) {
		d := new(pyval.Dict)
		for _, c := range columns {
			v, err := c.read(i)
			if err != nil {
				return nil, fmt.Errorf("field %q: %w", c.name, err)
			}
			d.Set(c.name, v)
		}
		return d, nil
	}, nil
}

// arrowMap gives a list of pairs, as pyarrow does.
func arrowMap(a *array.Map) (func(i int) (pyval.Value, error), error) {
	key, err1 := arrowReader(a.Keys())
	item, err2 := arrowReader(a.Items())
	n := int64(min(a.Keys().Len(), a.Items().Len()))
	return func(i int) (pyval.Value, error) {
		start, end := a.ValueOffsets(i)
		if start < 0 || end < start || end > n || end-start > maxItems {
			return nil, errors.New("a map lies outside of its values, or is too long")
		}
		list := make(pyval.List, 0, end-start)
		for j := start; j < end; j++ {
			k, err1 := key(int(j))
			v, err2 := item(int(j))
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			list = append(list, pyval.List{k, v})
		}
		return list, nil
	}, errors.Join(err1, err2)
}

// arrowScalar reads the types that are text here.
func arrowScalar(a arrow.Array) (func(i int) (pyval.Value, error), error) {
	made := func(f func(i int) string) func(i int) (pyval.Value, error) {
		return func(i int) (pyval.Value, error) { return f(i), nil }
	}
	switch a := a.(type) {
	case *array.Date32:
		return made(func(i int) string { return dateText(int64(a.Value(i))) }), nil
	case *array.Date64:
		return made(func(i int) string { days, _ := floorDiv(int64(a.Value(i)), 86_400_000); return dateText(days) }), nil
	case *array.Time32:
		n := perSecond(a.DataType().(*arrow.Time32Type).Unit)
		return made(func(i int) string { return clockText(int64(a.Value(i)), n) }), nil
	case *array.Time64:
		n := perSecond(a.DataType().(*arrow.Time64Type).Unit)
		return made(func(i int) string { return clockText(int64(a.Value(i)), n) }), nil
	case *array.Duration:
		n := perSecond(a.DataType().(*arrow.DurationType).Unit)
		return made(func(i int) string { return durationText(int64(a.Value(i)), n) }), nil
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		n := perSecond(t.Unit)
		if t.TimeZone == "" {
			return made(func(i int) string { return timestampText(int64(a.Value(i)), n, nil) }), nil
		}
		zone, err := zoneNamed(t.TimeZone)
		return made(func(i int) string { return timestampText(int64(a.Value(i)), n, zone) }), err
	case *array.Decimal128:
		scale := a.DataType().(*arrow.Decimal128Type).Scale
		return made(func(i int) string { return decimalText(a.Value(i).BigInt(), scale) }), nil
	case *array.Decimal256:
		scale := a.DataType().(*arrow.Decimal256Type).Scale
		return made(func(i int) string { return decimalText(a.Value(i).BigInt(), scale) }), nil
	}
	return nil, fmt.Errorf("the type %s is not supported", a.DataType())
}

func perSecond(u arrow.TimeUnit) int64 {
	switch u {
	case arrow.Second:
		return 1
	case arrow.Millisecond:
		return 1_000
	case arrow.Microsecond:
		return 1_000_000
	}
	return 1_000_000_000
}

func integer[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](value func(int) T) func(i int) (pyval.Value, error) {
	return func(i int) (pyval.Value, error) { return int64(value(i)), nil }
}

func unsigned(v uint64) (pyval.Value, error) {
	if v > 1<<63-1 {
		return nil, fmt.Errorf("the integer %d is out of range: beyond 63 bits", v)
	}
	return int64(v), nil
}

// text copies a string, since the column's memory does not outlive its batch.
func text(value func(int) string) func(i int) (pyval.Value, error) {
	return func(i int) (pyval.Value, error) { return textValue(value(i)) }
}

func textValue(s string) (pyval.Value, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("a text is not valid UTF-8")
	}
	return string([]byte(s)), nil
}
