package lmeval

import (
	"strings"
	"unicode/utf8"
)

// rougeTokens splits as rouge_score's default tokenizer does: runs of ASCII letters and digits, in small letters.
func rougeTokens(s string) []string {
	return strings.FieldsFunc(lower(s), func(r rune) bool {
		return r >= utf8.RuneSelf || !(r >= 'a' && r <= 'z' || isDigit(r))
	})
}

// rougeN is the F-measure over n-grams, in [0,1] (Lin 2004).
func rougeN(target, answer []string, n int) float64 {
	want, got := wordGrams(target, n), wordGrams(answer, n)
	common := 0
	for gram, count := range want {
		common += min(count, got[gram])
	}
	return fMeasure(float64(common), float64(max(len(answer)-n+1, 0)), float64(max(len(target)-n+1, 0)))
}

func wordGrams(words []string, n int) map[string]int {
	out := make(map[string]int, len(words))
	for i := 0; i+n <= len(words); i++ {
		out[strings.Join(words[i:i+n], " ")]++
	}
	return out
}

// fMeasure is 2·P·R/(P+R) of common out of got and wanted; an empty side counts as one.
func fMeasure(common, got, wanted float64) float64 {
	precision, recall := common/max(got, 1), common/max(wanted, 1)
	if precision+recall == 0 {
		return 0
	}
	return 2 * precision * recall / (precision + recall)
}

// rougeLsum is the F-measure over the union of longest common subsequences of each line of the target with the lines
// of the answer; each word is counted at most as often as either side has it.
func rougeLsum(target, answer string) float64 {
	hits, gotten, wanted := lsumCounts(target, answer)
	if wanted == 0 || gotten == 0 {
		return 0
	}
	return fMeasure(float64(hits), float64(gotten), float64(wanted))
}

// lsumCounts counts the words in common, and those of either side.
func lsumCounts(target, answer string) (hits, gotten, wanted int) {
	want, got := rougeLines(target), rougeLines(answer)
	wantCount, gotCount := make(map[string]int), make(map[string]int)
	for _, line := range want {
		wanted += len(line)
		for _, w := range line {
			wantCount[w]++
		}
	}
	for _, line := range got {
		gotten += len(line)
		for _, w := range line {
			gotCount[w]++
		}
	}
	for _, line := range want {
		inUnion := make([]bool, len(line))
		for _, other := range got {
			markCommon(line, other, inUnion)
		}
		for i, w := range line {
			if inUnion[i] && wantCount[w] > 0 && gotCount[w] > 0 {
				hits++
				wantCount[w]--
				gotCount[w]--
			}
		}
	}
	return hits, gotten, wanted
}

func rougeLines(s string) [][]string {
	var out [][]string
	for _, line := range strings.Split(s, "\n") {
		if line != "" {
			out = append(out, rougeTokens(line))
		}
	}
	return out
}

// markCommon marks the words of line in a longest common subsequence with other, found from the end.
func markCommon(line, other []string, mark []bool) {
	width := len(other) + 1
	length := make([]int, (len(line)+1)*width)
	for i, w := range line {
		for j, o := range other {
			cell := &length[(i+1)*width+j+1]
			if w == o {
				*cell = length[i*width+j] + 1
			} else {
				*cell = max(length[i*width+j+1], length[(i+1)*width+j])
			}
		}
	}
	for i, j := len(line), len(other); i > 0 && j > 0; {
		switch {
		case line[i-1] == other[j-1]:
			mark[i-1] = true
			i--
			j--
		case length[i*width+j-1] > length[(i-1)*width+j]:
			j--
		default:
			i--
		}
	}
}
