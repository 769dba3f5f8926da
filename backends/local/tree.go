package local

import (
	"sort"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// tree holds the texts that a scheduler computes or has computed, as a trie of runs of tokens. What several texts begin
// with is one path, computed once and stored once. The nodes of texts under way are pinned; others are kept as long as
// there is room, those that several requests ran through longer than those that one did.
//
// A position's keys and values depend on the tokens up to it alone, and on nothing of how they were computed, so a node
// computed for one text serves every other, to the bit.
type tree struct {
	roots map[int]*node // by regime of rotary angles, which is 0 for all texts of most models
	pool  pool
	limit int // pages in use at most, but for one text alone
	// reserved counts the pages that pinned nodes and generations have or will have.
	reserved int
	// Nodes that are not pinned, the last used first: those that one request ran through, and those that several did.
	once, often list
	onceLimit   int // pages of once at most
	keep        bool
	spare       []*sequence
	trail       []*node // scratch of path
	computed    int64   // positions computed, for tests and benchmarks
}

// node is a run of tokens that follows its parent's. A root is empty and has no parent.
type node struct {
	parent   *node
	regime   int     // of a root
	children []*node // by first token
	ids      []int
	start    int // position of the first token
	done     int // tokens computed, of ids; a node is computed after its parent
	// pages hold the run's positions from page start/PageSize on. Where the run begins within a page, the page is the
	// parent's last one, if inPlace, or a copy of what the parent has in it.
	pages   []*page
	inPlace bool
	claimed bool // something follows in the last page behind the run
	pins    int  // texts under way that run through it
	by      int64
	often   bool // several requests ran through it
	readers []reader
	view    *sequence // from position 0 to the last page; nil but while rows are computed
	prev    *node     // in a list
	next    *node
	// What the step under way takes of it.
	step    int64
	planned int // done after the step
}

// reader is a text that wants the logits at positions from ≤ p < to of a node.
type reader struct {
	t        *text
	from, to int
}

// list is a list of nodes, the last used first.
type list struct {
	front, back *node
	pages       int
}

func newTree(ex executor, limit, onceLimit int, keep bool) tree {
	return tree{roots: make(map[int]*node), pool: pool{ex: ex}, limit: limit, onceLimit: onceLimit, keep: keep}
}

func (n *node) end() int { return n.start + len(n.ids) }

// span counts the pages that positions from ≤ p < to touch.
func span(from, to int) int {
	return (to-1)/kernels.PageSize - from/kernels.PageSize + 1
}

// cost is the number of pages that the node adds to its parent's.
func (n *node) cost() int {
	c := span(n.start, n.end())
	if n.inPlace {
		c--
	}
	return c
}

// begins reports whether the run begins within a page.
func (n *node) begins() bool { return n.start%kernels.PageSize != 0 }

// child finds the child that begins with a token, or where it would stand.
func (n *node) child(token int) (*node, int) {
	i := sort.Search(len(n.children), func(i int) bool { return n.children[i].ids[0] >= token })
	if i < len(n.children) && n.children[i].ids[0] == token {
		return n.children[i], i
	}
	return nil, i
}

func lcp(a, b []int) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// need bounds the pages that pinning the path of ids adds to those reserved.
func (t *tree) need(regime int, ids []int) int {
	n, pages, at := t.roots[regime], 0, 0
	if n == nil {
		return span(0, len(ids))
	}
	for at < len(ids) {
		c, _ := n.child(ids[at])
		if c == nil {
			return pages + span(at, len(ids))
		}
		same := lcp(c.ids, ids[at:])
		if c.pins == 0 {
			pages += span(at, at+same)
		}
		at += same
		n = c
		if same < len(c.ids) && at < len(ids) {
			return pages + span(at, len(ids))
		}
	}
	return pages
}

// insert makes the path of ids, which is not empty, and gives its last node, which ends with them. Nothing is computed.
func (t *tree) insert(regime int, ids []int) *node {
	n := t.roots[regime]
	if n == nil {
		n = &node{regime: regime}
		t.roots[regime] = n
	}
	for at := 0; at < len(ids); {
		c, i := n.child(ids[at])
		if c == nil {
			c = &node{parent: n, ids: ids[at:], start: at}
			c.claim()
			n.children = append(n.children, nil)
			copy(n.children[i+1:], n.children[i:])
			n.children[i] = c
			return c
		}
		same := lcp(c.ids, ids[at:])
		if same < len(c.ids) {
			c = t.split(c, i, same)
		}
		at += same
		n = c
	}
	return n
}

// claim lets a node follow in its parent's last page, if that is free.
func (n *node) claim() {
	if n.begins() && !n.parent.claimed {
		n.inPlace, n.parent.claimed = true, true
	}
}

// split cuts a node, the i-th of its parent's children, behind its first m tokens, and gives the upper half. The lower
// half stays the same node, so that what points to it still ends where it did.
func (t *tree) split(n *node, i, m int) *node {
	cut := n.start + m
	up := &node{
		parent: n.parent, children: []*node{n}, ids: n.ids[:m:m], start: n.start, done: min(n.done, m), inPlace: n.inPlace,
		pins: n.pins, by: n.by, often: n.often,
	}
	n.parent.children[i] = up
	if n.pins == 0 {
		t.listOf(n).remove(n)
		defer func() { t.listOf(n).push(n); t.listOf(up).push(up) }()
	}
	t.dropView(n)
	whole := min(len(n.pages), span(up.start, cut))
	up.pages = n.pages[:whole:whole]
	rest := n.pages[whole:]
	n.parent, n.start, n.ids, n.done = up, cut, n.ids[m:], max(0, n.done-m)
	if n.inPlace = n.begins(); n.inPlace {
		up.claimed = true
		if whole > 0 && up.start/kernels.PageSize+whole > cut/kernels.PageSize {
			up.pages[whole-1].holders++
			rest = append([]*page{up.pages[whole-1]}, rest...)
		}
	}
	n.pages = rest
	readers := n.readers
	n.readers = nil
	for _, r := range readers {
		if r.from < cut {
			up.readers = append(up.readers, reader{r.t, r.from, min(r.to, cut)})
		}
		if r.to > cut {
			n.readers = append(n.readers, reader{r.t, max(r.from, cut), r.to})
		}
	}
	return up
}

func (t *tree) listOf(n *node) *list {
	if n.often {
		return &t.often
	}
	return &t.once
}

// pin holds the path to a node for a text of a request.
func (t *tree) pin(leaf *node, request int64) {
	for n := leaf; n.parent != nil; n = n.parent {
		if n.pins++; n.pins == 1 {
			t.reserved += n.cost()
			if n.by != 0 {
				t.listOf(n).remove(n)
			}
		}
		n.often = n.often || n.by != 0 && n.by != request
		n.by = request
	}
}

// unpin lets go of the path to a node. What is not computed is given up, the rest kept as long as there is room.
func (t *tree) unpin(leaf *node) {
	for n := leaf; n.parent != nil; {
		up := n.parent
		if n.pins--; n.pins == 0 {
			t.reserved -= n.cost()
			t.dropView(n)
			if n.done == len(n.ids) && t.keep {
				t.listOf(n).push(n)
			} else {
				t.remove(n)
			}
		}
		n = up
	}
	for t.once.pages > t.onceLimit {
		t.drop(&t.once)
	}
	t.shrink(t.limit)
}

// remove takes a node that is in no list and has no children out of the tree.
func (t *tree) remove(n *node) {
	_, i := n.parent.child(n.ids[0])
	n.parent.children = append(n.parent.children[:i], n.parent.children[i+1:]...)
	if n.inPlace {
		n.parent.claimed = false
	}
	for _, pg := range n.pages {
		t.pool.release(pg, t.limit)
	}
	n.pages = nil
	if up := n.parent; up.parent == nil && len(up.children) == 0 {
		delete(t.roots, up.regime)
	}
}

// drop gives up the last used longest ago of a list, and all that follows it.
func (t *tree) drop(l *list) bool {
	n := l.back
	if n == nil {
		return false
	}
	t.dropAll(n)
	return true
}

func (t *tree) dropAll(n *node) {
	for len(n.children) > 0 {
		t.dropAll(n.children[len(n.children)-1])
	}
	t.listOf(n).remove(n)
	t.remove(n)
}

// takePage gives a page, for which something that is kept is given up where all are in use.
func (t *tree) takePage() *page {
	t.shrink(t.limit - 1)
	return t.pool.take()
}

// shrink gives up what is kept until so many pages are in use, as far as it can.
func (t *tree) shrink(pages int) {
	for t.pool.inUse > pages && (t.drop(&t.once) || t.drop(&t.often)) {
	}
}

// extend gives a node pages up to a position.
func (t *tree) extend(n *node, end int) {
	if len(n.pages) == 0 && n.begins() {
		n.pages = append(n.pages, t.follow(n.parent, n.inPlace))
	}
	for (n.start/kernels.PageSize+len(n.pages))*kernels.PageSize < end {
		n.pages = append(n.pages, t.takePage())
	}
}

// follow gives the page in which what follows a node begins: the node's last, or a copy of it.
func (t *tree) follow(n *node, inPlace bool) *page {
	last := n.pages[len(n.pages)-1]
	if inPlace {
		last.holders++
		return last
	}
	pg := t.takePage()
	t.pool.ex.copyPrefix(pg, last, n.end()%kernels.PageSize)
	return pg
}

// path lists the nodes from below the root to a node. The slice is valid until the next call.
func (t *tree) path(leaf *node) []*node {
	t.trail = t.trail[:0]
	for n := leaf; n.parent != nil; n = n.parent {
		t.trail = append(t.trail, n)
	}
	for i, j := 0, len(t.trail)-1; i < j; i, j = i+1, j-1 {
		t.trail[i], t.trail[j] = t.trail[j], t.trail[i]
	}
	return t.trail
}

// open lists the pages on the path to a node in a sequence.
func (t *tree) open(n *node) *sequence {
	var s *sequence
	if k := len(t.spare); k > 0 {
		s, t.spare = t.spare[k-1], t.spare[:k-1]
	} else {
		s = t.pool.sequence()
	}
	t.list(s, n)
	return s
}

func (t *tree) list(s *sequence, n *node) {
	if n.parent == nil {
		s.length = n.regime
		for l := range s.pages {
			s.pages[l] = s.pages[l][:0]
		}
		s.ids = s.ids[:0]
		return
	}
	t.list(s, n.parent)
	s.add(n.start/kernels.PageSize, n.pages)
}

// close takes a sequence back.
func (t *tree) close(s *sequence) { t.spare = append(t.spare, s) }

func (t *tree) dropView(n *node) {
	if n.view != nil {
		t.close(n.view)
		n.view = nil
	}
}

func (l *list) push(n *node) {
	n.prev, n.next = nil, l.front
	if l.front != nil {
		l.front.prev = n
	} else {
		l.back = n
	}
	l.front = n
	l.pages += n.cost()
}

func (l *list) remove(n *node) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.front = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.back = n.prev
	}
	n.prev, n.next = nil, nil
	l.pages -= n.cost()
}
