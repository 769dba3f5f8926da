package lmeval

import (
	"math"
	"slices"
)

// beamWidth is how far from the diagonal the edit distance looks.
const beamWidth = 25

// The edit operations that turn the target into the words.
const (
	opNone = ' '
	opSub  = 's'
	opIns  = 'i' // a word of the target that words lack
	opDel  = 'd' // a word that the target lacks
)

type editCell struct {
	cost int
	op   byte
}

// editDistance gives the Levenshtein distance of words to target within a beam around the diagonal, and the
// operations from the start. Of equals it prefers to keep or substitute, then to delete, then to insert.
func editDistance(words, target []string) (int, []byte) {
	width := len(target) + 1
	const infinity = math.MaxInt / 2
	cells := make([]editCell, (len(words)+1)*width)
	for j := range width {
		cells[j] = editCell{j, opIns}
	}
	ratio := 1.0
	if len(words) > 0 {
		ratio = float64(len(target)) / float64(len(words))
	}
	beam := beamWidth
	if beamWidth < ratio/2 {
		beam = int(math.Ceil(ratio/2 + beamWidth))
	}
	for i := 1; i <= len(words); i++ {
		row, above := cells[i*width:(i+1)*width], cells[(i-1)*width:i*width]
		for j := range row {
			row[j].cost = infinity
		}
		diagonal := int(math.Floor(float64(i) * ratio))
		from, to := max(0, diagonal-beam), min(width, diagonal+beam)
		if i == len(words) {
			to = width
		}
		for j := from; j < to; j++ {
			if j == 0 {
				row[0] = editCell{above[0].cost + 1, opDel}
				continue
			}
			c := editCell{above[j-1].cost + 1, opSub}
			if words[i-1] == target[j-1] {
				c = editCell{above[j-1].cost, opNone}
			}
			if d := above[j].cost + 1; d < c.cost {
				c = editCell{d, opDel}
			}
			if d := row[j-1].cost + 1; d < c.cost {
				c = editCell{d, opIns}
			}
			if c.cost < infinity {
				row[j] = c
			}
		}
	}
	return cells[len(cells)-1].cost, trace(cells, len(words), len(target))
}

// trace walks back from the last cell.
func trace(cells []editCell, i, j int) []byte {
	width := j + 1
	ops := make([]byte, 0, i+j)
	for i > 0 || j > 0 {
		op := cells[i*width+j].op
		switch { // the beam may have left a cell out
		case i == 0:
			op = opIns
		case j == 0:
			op = opDel
		}
		ops = append(ops, op)
		if op != opIns {
			i--
		}
		if op != opDel {
			j--
		}
	}
	slices.Reverse(ops)
	return ops
}

// alignment says which words stand for which of the target.
type alignment struct {
	at                     []int // the last word at or before each place of the target, or -1
	wrongWord, wrongTarget []bool
}

func align(ops []byte) alignment {
	var a alignment
	word := -1
	for _, op := range ops {
		wrong := op != opNone
		if op != opIns {
			word++
			a.wrongWord = append(a.wrongWord, wrong)
		}
		if op != opDel {
			a.at = append(a.at, word)
			a.wrongTarget = append(a.wrongTarget, wrong)
		}
	}
	return a
}
