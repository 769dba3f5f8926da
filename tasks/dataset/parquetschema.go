package dataset

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/onset-eval/onset/tasks/pyval"
)

// parquetRoot reads the rows of one file.
type parquetRoot struct {
	fields []*parquetNode
	leaves []parquetLeaf
}

// parquetLeaf is the part of a row that lies in one leaf column.
type parquetLeaf struct {
	values []parquet.Value
	at     int
}

type parquetKind int

const (
	leafKind parquetKind = iota
	groupKind
	listKind // children[0] is the element
	mapKind  // children are key and value
)

// parquetNode is a field of the schema. A value is null where its definition level is below def; a list has
// an item where that is at least itemDef, and goes on where the repetition level is rep.
type parquetNode struct {
	name                   string
	kind                   parquetKind
	optional               bool
	def, itemDef, rep      int
	firstLeaf, behindLeafs int
	children               []*parquetNode
	convert                func(parquet.Value) (pyval.Value, error)
}

func parquetSchema(p *parquet.File, o Options) (*parquetRoot, error) {
	root := &parquetRoot{}
	types := arrowTypes(p)
	for _, c := range p.Root().Columns() {
		n, err := root.node(c, 0)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name(), err)
		}
		if o.without(n.name) {
			continue
		}
		if t := types[n.name]; t != nil && n.kind == leafKind {
			if err := n.asArrow(t); err != nil {
				return nil, fmt.Errorf("column %q: %w", n.name, err)
			}
		}
		root.fields = append(root.fields, n)
	}
	return root, nil
}

// arrowTypes gives the types that pyarrow noted beside the schema, for what Parquet has no type for.
func arrowTypes(p *parquet.File) map[string]arrow.DataType {
	types := make(map[string]arrow.DataType)
	noted, ok := p.Lookup("ARROW:schema")
	if !ok {
		return types
	}
	// A note that cannot be read is as none: the schema itself decides.
	_ = guarded(func() error {
		b, err := base64.StdEncoding.DecodeString(noted)
		if err != nil {
			return err
		}
		r, err := ipc.NewReaderFromMessageReader(&arrowFrames{bytes.NewReader(b), int64(len(b))})
		if err != nil {
			return err
		}
		defer r.Release()
		for _, f := range r.Schema().Fields() {
			types[f.Name] = f.Type
		}
		return nil
	})
	return types
}

// asArrow reads durations and times with a zone.
func (n *parquetNode) asArrow(t arrow.DataType) error {
	inner := n.convert
	switch t := t.(type) {
	case *arrow.DurationType:
		n.convert = func(v parquet.Value) (pyval.Value, error) { return durationText(v.Int64(), perSecond(t.Unit)), nil }
	case *arrow.TimestampType:
		if t.TimeZone == "" || t.TimeZone == "UTC" {
			return nil
		}
		zone, err := zoneNamed(t.TimeZone)
		if err != nil {
			return err
		}
		n.convert = func(v parquet.Value) (pyval.Value, error) {
			s, err := inner(v)
			if text, ok := s.(string); ok {
				at, err := time.Parse("2006-01-02 15:04:05.999999999-07:00", text)
				if err != nil {
					return nil, err
				}
				return timestampText(at.Unix()*1_000_000_000+int64(at.Nanosecond()), 1_000_000_000, zone), nil
			}
			return s, err
		}
	}
	return nil
}

func (s *parquetRoot) node(c *parquet.Column, depth int) (*parquetNode, error) {
	if depth > maxNesting {
		return nil, errors.New("the values are nested too deep")
	}
	n := &parquetNode{name: c.Name(), optional: c.Optional(), def: c.MaxDefinitionLevel(), firstLeaf: len(s.leaves)}
	var err error
	switch {
	case c.Repeated():
		n.kind, n.itemDef, n.rep = listKind, c.MaxDefinitionLevel(), c.MaxRepetitionLevel()
		var item *parquetNode
		item, err = s.body(c, depth)
		n.children = []*parquetNode{item}
	default:
		var body *parquetNode
		if body, err = s.body(c, depth); err == nil {
			body.optional, body.def, body.firstLeaf = n.optional, n.def, n.firstLeaf
			n = body
		}
	}
	n.behindLeafs = len(s.leaves)
	return n, err
}

// body reads a column as if it were not repeated.
func (s *parquetRoot) body(c *parquet.Column, depth int) (*parquetNode, error) {
	n := &parquetNode{name: c.Name(), firstLeaf: len(s.leaves)}
	defer func() { n.behindLeafs = len(s.leaves) }()
	if c.Leaf() {
		s.leaves = append(s.leaves, parquetLeaf{})
		n.convert = leafConverter(c.Type())
		return n, nil
	}
	if l := c.Type().LogicalType(); l != nil && len(c.Columns()) == 1 && c.Columns()[0].Repeated() {
		inner := c.Columns()[0]
		_, isList := l.Value.(*format.ListType)
		_, isMap := l.Value.(*format.MapType)
		switch fields := inner.Columns(); {
		case isList && !inner.Leaf() && len(fields) == 1 && inner.Name() != "array" && inner.Name() != c.Name()+"_tuple":
			n.kind, n.itemDef, n.rep = listKind, inner.MaxDefinitionLevel(), inner.MaxRepetitionLevel()
			item, err := s.node(fields[0], depth+2)
			n.children = []*parquetNode{item}
			return n, err
		case isList:
			n.kind, n.itemDef, n.rep = listKind, inner.MaxDefinitionLevel(), inner.MaxRepetitionLevel()
			item, err := s.body(inner, depth+1)
			n.children = []*parquetNode{item}
			return n, err
		case isMap && len(fields) == 2:
			n.kind, n.itemDef, n.rep = mapKind, inner.MaxDefinitionLevel(), inner.MaxRepetitionLevel()
			key, err1 := s.node(fields[0], depth+2)
			value, err2 := s.node(fields[1], depth+2)
			n.children = []*parquetNode{key, value}
			return n, errors.Join(err1, err2)
		}
	}
	n.kind = groupKind
	for _, field := range c.Columns() {
		child, err := s.node(field, depth+1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	if len(n.children) == 0 {
		return nil, errors.New("it has no fields")
	}
	return n, nil
}

// leafConverter reads a value by its logical type, else by its physical one.
func leafConverter(t parquet.Type) func(parquet.Value) (pyval.Value, error) {
	if l := t.LogicalType(); l != nil {
		switch l := l.Value.(type) {
		case *format.StringType, *format.EnumType, *format.JsonType:
			return func(v parquet.Value) (pyval.Value, error) { return textValue(string(v.ByteArray())) }
		case *format.DecimalType:
			return func(v parquet.Value) (pyval.Value, error) { return decimalText(unscaled(v), l.Scale), nil }
		case *format.DateType:
			return func(v parquet.Value) (pyval.Value, error) { return dateText(int64(v.Int32())), nil }
		case *format.TimeType:
			n := int64(time.Second / l.Unit.Value.Duration())
			return func(v parquet.Value) (pyval.Value, error) { return clockText(wide(v), n), nil }
		case *format.TimestampType:
			n := int64(time.Second / l.Unit.Value.Duration())
			var zone *time.Location
			if l.IsAdjustedToUTC {
				zone = time.UTC
			}
			return func(v parquet.Value) (pyval.Value, error) { return timestampText(v.Int64(), n, zone), nil }
		case *format.IntType:
			switch {
			case l.IsSigned:
				return func(v parquet.Value) (pyval.Value, error) { return wide(v), nil }
			case l.BitWidth == 64:
				return func(v parquet.Value) (pyval.Value, error) { return unsigned(v.Uint64()) }
			}
			return func(v parquet.Value) (pyval.Value, error) { return int64(v.Uint32()), nil }
		case *format.Float16Type:
			return func(v parquet.Value) (pyval.Value, error) {
				return float64(float16.FromBits(binary.LittleEndian.Uint16(v.ByteArray())).Float32()), nil
			}
		}
	}
	switch t.Kind() {
	case parquet.Boolean:
		return func(v parquet.Value) (pyval.Value, error) { return v.Boolean(), nil }
	case parquet.Int32, parquet.Int64:
		return func(v parquet.Value) (pyval.Value, error) { return wide(v), nil }
	case parquet.Int96:
		return func(v parquet.Value) (pyval.Value, error) { return int96Text(v), nil }
	case parquet.Float:
		return func(v parquet.Value) (pyval.Value, error) { return float64(v.Float()), nil }
	case parquet.Double:
		return func(v parquet.Value) (pyval.Value, error) { return v.Double(), nil }
	}
	return func(parquet.Value) (pyval.Value, error) { return nil, errBinary }
}

func wide(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func unscaled(v parquet.Value) *big.Int {
	switch v.Kind() {
	case parquet.Int32, parquet.Int64:
		return big.NewInt(wide(v))
	}
	return bigEndian(v.ByteArray())
}

// int96Text reads the timestamps of old writers: nanoseconds in the day and the Julian day.
func int96Text(v parquet.Value) string {
	n := v.Int96()
	ns := int64(uint64(n[0]) | uint64(n[1])<<32)
	days := int64(n[2]) - 2_440_588
	t := time.Unix(days*86400, 0).Add(time.Duration(ns)).UTC()
	return timestampText(t.Unix(), 1, nil) + fraction(int64(t.Nanosecond()))
}
