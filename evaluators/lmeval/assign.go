package lmeval

import "math"

// assign pairs rows with columns so that the sum of scores is largest: the column of each row, or -1 where there
// are more rows than columns (Kuhn 1955; the form with potentials that takes O(rows²·columns)).
func assign(scores [][]float64) []int {
	rows := len(scores)
	columns := len(scores[0])
	if rows > columns {
		flipped := make([][]float64, columns)
		for j := range flipped {
			flipped[j] = make([]float64, rows)
			for i := range scores {
				flipped[j][i] = scores[i][j]
			}
		}
		out := make([]int, rows)
		for i := range out {
			out[i] = -1
		}
		for j, i := range assign(flipped) {
			out[i] = j
		}
		return out
	}
	// Rows and columns count from 1; column 0 stands for the row that is being placed.
	rowOf := make([]int, columns+1)
	u, v := make([]float64, rows+1), make([]float64, columns+1)
	for row := 1; row <= rows; row++ {
		rowOf[0] = row
		augment(scores, rowOf, u, v)
	}
	out := make([]int, rows)
	for j := 1; j <= columns; j++ {
		if rowOf[j] > 0 {
			out[rowOf[j]-1] = j - 1
		}
	}
	return out
}

// augment places the row in rowOf[0] along a shortest path of reduced costs, the negated scores.
func augment(scores [][]float64, rowOf []int, u, v []float64) {
	columns := len(v) - 1
	slack := make([]float64, columns+1)
	from := make([]int, columns+1)
	used := make([]bool, columns+1)
	for j := range slack {
		slack[j] = math.Inf(1)
	}
	at := 0
	for rowOf[at] != 0 {
		used[at] = true
		row, next, delta := rowOf[at], 0, math.Inf(1)
		for j := 1; j <= columns; j++ {
			if used[j] {
				continue
			}
			if cost := -scores[row-1][j-1] - u[row] - v[j]; cost < slack[j] {
				slack[j], from[j] = cost, at
			}
			if slack[j] < delta {
				delta, next = slack[j], j
			}
		}
		for j := range used {
			if used[j] {
				u[rowOf[j]] += delta
				v[j] -= delta
			} else {
				slack[j] -= delta
			}
		}
		at = next
	}
	for at != 0 {
		rowOf[at] = rowOf[from[at]]
		at = from[at]
	}
}
