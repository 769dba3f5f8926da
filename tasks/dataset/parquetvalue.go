package dataset

import (
	"errors"

	"github.com/parquet-go/parquet-go"

	"github.com/onset-eval/onset/tasks/pyval"
)

var errShort = errors.New("a row is missing values")

// peek gives the next value of the node's first leaf.
func (n *parquetNode) peek(s *parquetRoot) (parquet.Value, bool) {
	leaf := &s.leaves[n.firstLeaf]
	if leaf.at >= len(leaf.values) {
		return parquet.Value{}, false
	}
	return leaf.values[leaf.at], true
}

// pass goes over one value in every leaf of the node, where the node has no value of its own.
func (n *parquetNode) pass(s *parquetRoot) {
	for i := n.firstLeaf; i < n.behindLeafs; i++ {
		s.leaves[i].at++
	}
}

func (n *parquetNode) read(s *parquetRoot) (pyval.Value, error) {
	v, ok := n.peek(s)
	if !ok {
		return nil, errShort
	}
	if n.optional && v.DefinitionLevel() < n.def {
		n.pass(s)
		return nil, nil
	}
	switch n.kind {
	case leafKind:
		s.leaves[n.firstLeaf].at++
		if v.IsNull() {
			return nil, nil
		}
		return n.convert(v)
	case groupKind:
		d := new(pyval.Dict)
		for _, c := range n.children {
			v, err := c.read(s)
			if err != nil {
				return nil, err
			}
			d.Set(c.name, v)
		}
		return d, nil
	}
	list := pyval.List{}
	if v.DefinitionLevel() < n.itemDef {
		n.pass(s)
		return list, nil
	}
	for {
		item, err := n.item(s)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
		if v, ok := n.peek(s); !ok || v.RepetitionLevel() != n.rep {
			return list, nil
		}
	}
}

func (n *parquetNode) item(s *parquetRoot) (pyval.Value, error) {
	if n.kind == listKind {
		return n.children[0].read(s)
	}
	pair := pyval.List{}
	for _, c := range n.children {
		v, err := c.read(s)
		if err != nil {
			return nil, err
		}
		pair = append(pair, v)
	}
	return pair, nil
}
