package tokenizer

import (
	"cmp"
	"slices"
)

// trie finds the keys that a text begins with. The children of a node stand next to each other, in order of their byte.
type trie struct {
	nodes []trieNode
	root  [256]int32 // child of the root by byte, 0 for none
}

type trieNode struct {
	label    byte
	children uint16 // 1 to 256, 0 for none
	first    int32  // index of the first child
	value    int32  // -1 where no key ends
}

type trieKey struct {
	key   string
	value int32
}

// newTrie makes a trie of keys, of which a later one takes the place of an equal earlier one. Empty keys are left out.
func newTrie(keys []trieKey) *trie {
	keys = slices.DeleteFunc(slices.Clone(keys), func(k trieKey) bool { return k.key == "" })
	slices.SortStableFunc(keys, func(a, b trieKey) int { return cmp.Compare(a.key, b.key) })
	t := &trie{nodes: []trieNode{{value: -1}}}
	type job struct {
		node   int32
		lo, hi int
		depth  int
	}
	// Breadth first, so that the children of a node are made together. A queue and not recursion: keys may be long.
	queue := []job{{0, 0, len(keys), 0}}
	for len(queue) > 0 {
		j := queue[0]
		queue = queue[1:]
		lo := j.lo
		for lo < j.hi && len(keys[lo].key) == j.depth {
			t.nodes[j.node].value = keys[lo].value
			lo++
		}
		t.nodes[j.node].first = int32(len(t.nodes))
		for lo < j.hi {
			label := keys[lo].key[j.depth]
			hi := lo + 1
			for hi < j.hi && keys[hi].key[j.depth] == label {
				hi++
			}
			queue = append(queue, job{int32(len(t.nodes)), lo, hi, j.depth + 1})
			t.nodes = append(t.nodes, trieNode{label: label, value: -1})
			t.nodes[j.node].children++
			lo = hi
		}
	}
	for i := range int32(t.nodes[0].children) {
		at := t.nodes[0].first + i
		t.root[t.nodes[at].label] = at
	}
	return t
}

// child gives the child of a node, 0 where it has none for the byte.
func (t *trie) child(node int32, label byte) int32 {
	if node == 0 {
		return t.root[label]
	}
	n := &t.nodes[node]
	children := t.nodes[n.first : int(n.first)+int(n.children)]
	if len(children) <= 8 {
		for i := range children {
			if children[i].label == label {
				return n.first + int32(i)
			}
		}
		return 0
	}
	i, ok := slices.BinarySearchFunc(children, label, func(c trieNode, b byte) int { return cmp.Compare(c.label, b) })
	if !ok {
		return 0
	}
	return n.first + int32(i)
}

// longest gives the longest key that text begins with, as its length and value; 0, -1 where there is none.
func (t *trie) longest(text string) (size int, value int32) { return t.longestFrom(0, text) }

// longestFrom is longest for the keys below a node, without what leads to it.
func (t *trie) longestFrom(node int32, text string) (size int, value int32) {
	value = -1
	for i := range len(text) {
		if node = t.child(node, text[i]); node == 0 {
			break
		}
		if v := t.nodes[node].value; v >= 0 {
			size, value = i+1, v
		}
	}
	return size, value
}
