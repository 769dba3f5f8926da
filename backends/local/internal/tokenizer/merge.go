package tokenizer

// merge says what a pair of tokens becomes, and when: the lowest rank first.
type merge struct {
	rank uint32
	id   int32
}

// pairTable holds merges by pair: a hash table with open addresses, at most half full.
type pairTable struct {
	keys   []uint64 // left in the high half; pairKey's complement of zero marks what is free
	values []merge
	shift  uint
}

const freeKey = ^uint64(0)

func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

func newPairTable(n int) *pairTable {
	size, bits := 2, uint(1)
	for size < 2*n+2 {
		size, bits = size*2, bits+1
	}
	t := &pairTable{keys: make([]uint64, size), values: make([]merge, size), shift: 64 - bits}
	for i := range t.keys {
		t.keys[i] = freeKey
	}
	return t
}

// slot gives the place of a key, or the one where it would go.
func (t *pairTable) slot(key uint64) int {
	mask := len(t.keys) - 1
	i := int(key * 0x9e3779b97f4a7c15 >> t.shift)
	for t.keys[i] != key && t.keys[i] != freeKey {
		i = (i + 1) & mask
	}
	return i
}

// put takes the place of an earlier merge of the same pair.
func (t *pairTable) put(left, right int32, m merge) {
	i := t.slot(pairKey(left, right))
	t.keys[i], t.values[i] = pairKey(left, right), m
}

// get gives a pair's merge, with the rank noRank where there is none.
func (t *pairTable) get(left, right int32) merge {
	if i := t.slot(pairKey(left, right)); t.keys[i] != freeKey {
		return t.values[i]
	}
	return merge{rank: noRank}
}

// candidate is a merge that may be done at a place, if what stands there is still what it was.
type candidate struct {
	rank uint32
	at   int32
	id   int32
}

func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// mergeMany does what mergeFew does, in time n log n: symbols in a linked list and candidates in a heap.
func (m *bpe) mergeMany(ids []int32) []int32 {
	symbols := make([]symbol, len(ids))
	for i, id := range ids {
		symbols[i] = symbol{id: id, prev: int32(i) - 1, next: int32(i) + 1}
	}
	symbols[len(ids)-1].next = -1
	heap := make(candidates, 0, len(ids))
	for i := range len(ids) - 1 {
		heap.offer(m, symbols, int32(i))
	}
	for len(heap) > 0 {
		c := heap.pop()
		s := &symbols[c.at]
		if s.gone || s.next < 0 {
			continue
		}
		right := &symbols[s.next]
		if now := m.merges.get(s.id, right.id); now.rank == noRank || now.id != c.id {
			continue
		}
		s.id, right.gone, s.next = c.id, true, right.next
		if s.next >= 0 {
			symbols[s.next].prev = c.at
			heap.offer(m, symbols, c.at)
		}
		if s.prev >= 0 {
			heap.offer(m, symbols, s.prev)
		}
	}
	ids = ids[:0]
	for i := int32(0); i >= 0; i = symbols[i].next {
		ids = append(ids, symbols[i].id)
	}
	return ids
}

// candidates is a binary heap, the first to be merged at its top.
type candidates []candidate

// offer adds the merge of the symbol at a place with the next one, where there is one.
func (h *candidates) offer(m *bpe, symbols []symbol, at int32) {
	found := m.merges.get(symbols[at].id, symbols[symbols[at].next].id)
	if found.rank == noRank {
		return
	}
	c := candidate{found.rank, at, found.id}
	*h = append(*h, c)
	q, i := *h, len(*h)-1
	for i > 0 && c.before(q[(i-1)/2]) {
		q[i] = q[(i-1)/2]
		i = (i - 1) / 2
	}
	q[i] = c
}

func (h *candidates) pop() candidate {
	q := *h
	top, last := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	*h = q
	i := 0
	for {
		child := 2*i + 1
		if child >= len(q) {
			break
		}
		if child+1 < len(q) && q[child+1].before(q[child]) {
			child++
		}
		if !q[child].before(last) {
			break
		}
		q[i] = q[child]
		i = child
	}
	if len(q) > 0 {
		q[i] = last
	}
	return top
}
