package kernels

import (
	"math"
	"sync"
)

// scoredRows is how many rows LogProbs takes at a time.
const scoredRows = 96

// logits is the room for one block of logits of some rows.
type logits [scoredRows * LogBlock]float32

var logitsPool = sync.Pool{New: func() any { return new(logits) }}

// blockScore is what one block of a row's logits comes to: its sum, whose top is the largest, and where that is.
type blockScore struct {
	logSum
	at int32
}

// scoreBlock computes block b of the logits of up to scoredRows rows and takes from it what is asked for.
func scoreBlock(k parts, z *logits, found []blockScore, rows []Scores, x []float32, head Weight, l Logits, b int) {
	m := len(rows)
	from := b * LogBlock
	to := min(from+LogBlock, head.N)
	width := to - from
	all := z[:m*width]
	k.panels(all, width, x[:m*head.K], m, head, from, to)
	l.apply(k, all)
	for i := range rows {
		block := all[i*width : (i+1)*width]
		found[i] = blockScore{k.blockSum(block), int32(from + k.ArgMax(block))}
		for j, t := range rows[i].Targets {
			if t >= from && t < to {
				rows[i].Logits[j] = block[t-from]
			}
		}
	}
}

// apply makes outputs of the head logits.
func (l Logits) apply(k Set, z []float32) {
	if l.Scale != 0 {
		k.Scale(z, l.Scale)
	}
	if l.Cap != 0 {
		k.SoftCap(z, l.Cap)
	}
}

// mergeScores merges the rows' blocks in order; found holds a block's scores of all rows, then the next block's.
func mergeScores(rows []Scores, found []blockScore) {
	for i := range rows {
		sum := emptyLogSum()
		row := &rows[i]
		row.Top, row.ArgMax = float32(math.Inf(-1)), 0
		for b := i; b < len(found); b += len(rows) {
			if found[b].top > row.Top {
				row.Top, row.ArgMax = found[b].top+0, int(found[b].at)
			}
			sum.merge(found[b].logSum)
		}
		row.LogSumExp = sum.log()
	}
}

// logProbs is LogProbs by a set's other kernels.
func logProbs(k parts, rows []Scores, x []float32, head Weight, l Logits) {
	checkLogProbs(rows, x, head, l)
	blocks := (head.N + LogBlock - 1) / LogBlock
	z := logitsPool.Get().(*logits)
	defer logitsPool.Put(z)
	for len(rows) > 0 {
		m := min(scoredRows, len(rows))
		found := make([]blockScore, m*blocks)
		for b := range blocks {
			scoreBlock(k, z, found[b*m:(b+1)*m], rows[:m], x, head, l, b)
		}
		mergeScores(rows[:m], found)
		rows, x = rows[m:], x[m*head.K:]
	}
}

func (g generic) LogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	logProbs(g, rows, x, head, l)
}
