package lmeval

import "strings"

// Rouge gives precision, recall and F-measure of rouge_score's rouge1 to rouge9, rougeL and rougeLsum with its default
// tokenizer (Lin 2004), in [0,1]; ok is false for another kind.
func Rouge(kind, target, answer string) (precision, recall, f float64, ok bool) {
	var common, got, wanted float64
	switch {
	case kind == "rougeLsum":
		hits, gotten, all := lsumCounts(target, answer)
		if all == 0 || gotten == 0 {
			return 0, 0, 0, true
		}
		common, got, wanted = float64(hits), float64(gotten), float64(all)
	case kind == "rougeL":
		want, have := rougeTokens(target), rougeTokens(answer)
		if len(want) == 0 || len(have) == 0 {
			return 0, 0, 0, true
		}
		mark := make([]bool, len(want))
		markCommon(want, have, mark)
		for _, m := range mark {
			common += float64(integer(m))
		}
		got, wanted = float64(len(have)), float64(len(want))
	case len(kind) == len("rouge1") && strings.HasPrefix(kind, "rouge") && kind[5] >= '1' && kind[5] <= '9':
		n := int(kind[5] - '0')
		want, have := rougeTokens(target), rougeTokens(answer)
		grams := wordGrams(have, n)
		for gram, count := range wordGrams(want, n) {
			common += float64(min(count, grams[gram]))
		}
		got, wanted = float64(max(len(have)-n+1, 0)), float64(max(len(want)-n+1, 0))
	default:
		return 0, 0, 0, false
	}
	return common / max(got, 1), common / max(wanted, 1), fMeasure(common, got, wanted), true
}

// Tokens13a splits a text as mteval-v13a does.
func Tokens13a(s string) []string { return tokenize13a(s) }

// SquadNormal is SQuAD's normal form of an answer, and SquadF1 the F1 over the words of two.
func SquadNormal(s string) string { return strings.Join(squadWords(s), " ") }

// SquadF1 is the harmonic mean of precision and recall over the words of normal forms.
func SquadF1(target, answer string) float64 { return squadF1(target, answer) }
