package tokenizer

import (
	"math"
	"unicode/utf8"
)

// unigram takes the most probable of all ways to cut a word into tokens (Kudo 2018, arXiv:1804.10959).
type unigram struct {
	tokens   []string
	scores   []float64 // log-probabilities, by id
	ids      map[string]int32
	trie     *trie
	unk      int32
	unkScore float64
	fallback *[256]int32
}

// unkPenalty is what an unknown character's score is below the least of the vocabulary, as in sentencepiece.
const unkPenalty = 10

func newUnigram(tokens []string, scores []float64, unk int) *unigram {
	m := &unigram{tokens: tokens, scores: scores, ids: make(map[string]int32, len(tokens)), unk: int32(unk)}
	least := math.Inf(1)
	keys := make([]trieKey, len(tokens))
	for i, token := range tokens {
		m.ids[token] = int32(i) // of equal tokens the last counts
		keys[i] = trieKey{token, int32(i)}
		least = min(least, scores[i])
	}
	m.trie = newTrie(keys)
	m.unkScore = least - unkPenalty
	return m
}

func (m *unigram) size() int { return len(m.tokens) }

func (m *unigram) id(token string) (int, bool) {
	id, ok := m.ids[token]
	return int(id), ok
}

func (m *unigram) token(id int) (string, bool) {
	if id < 0 || id >= len(m.tokens) {
		return "", false
	}
	return m.tokens[id], true
}

// path is the best way to a place in a word: its score, the last token, and where that begins; -1 for none yet.
type path struct {
	score float64
	id    int32
	from  int32
}

func (m *unigram) encode(dst []int, word string) []int {
	var room [65]path
	paths := room[:0]
	if len(word) >= len(room) {
		paths = make([]path, 0, len(word)+1)
	}
	for range len(word) + 1 {
		paths = append(paths, path{from: -1})
	}
	for at := 0; at < len(word); {
		_, size := utf8.DecodeRuneInString(word[at:])
		single, node := false, int32(0)
		for i := at; i < len(word); i++ {
			if node = m.trie.child(node, word[i]); node == 0 {
				break
			}
			id := m.trie.nodes[node].value
			if id < 0 {
				continue
			}
			paths[i+1].offer(m.scores[id]+paths[at].score, id, at)
			single = single || i+1-at == size
		}
		if !single {
			paths[at+size].offer(m.unkScore+paths[at].score, m.unk, at)
		}
		at += size
	}
	return m.trace(dst, word, paths)
}

func (p *path) offer(score float64, id int32, from int) {
	if p.from < 0 || score > p.score {
		*p = path{score, id, int32(from)}
	}
}

// trace follows the best path back and appends its ids. Unknown characters next to each other are one token.
func (m *unigram) trace(dst []int, word string, paths []path) []int {
	type part struct {
		bounds
		id int32
	}
	var room [64]part
	parts := room[:0]
	for end := len(word); end > 0; {
		p := paths[end]
		if n := len(parts); n > 0 && p.id == m.unk && parts[n-1].id == m.unk {
			parts[n-1].lo = int(p.from)
		} else {
			parts = append(parts, part{bounds{int(p.from), end}, p.id})
		}
		end = int(p.from)
	}
	for i := len(parts) - 1; i >= 0; i-- {
		p := parts[i]
		if p.id != m.unk {
			dst = append(dst, int(m.ids[word[p.lo:p.hi]]))
			continue
		}
		dst = m.unknown(dst, word[p.lo:p.hi])
	}
	return dst
}

// unknown appends the ids of characters that have no token: together they may have one, or their bytes.
func (m *unigram) unknown(dst []int, text string) []int {
	if id, ok := m.ids[text]; ok {
		return append(dst, int(id))
	}
	if m.fallback != nil {
		start := len(dst)
		for i := range len(text) {
			if m.fallback[text[i]] < 0 {
				return append(dst[:start], int(m.unk))
			}
			dst = append(dst, int(m.fallback[text[i]]))
		}
		return dst
	}
	return append(dst, int(m.unk))
}
