package scaling

import "fmt"

// twoChoice is the uniform guess between two answers.
const twoChoice = 0.5

// flippedConstant finds the mark of constant answers on a two-choice task whose answers are not balanced: two
// models or more with exactly the same score, significantly below one half. Whoever always gives one answer scores
// r, and whoever always gives the other 1-r, so that the best constant answer is known although no
// record of the answers is. A model that is merely bad at the task does not repeat another's count.
func flippedConstant(c *Curve, points []Point, all []obs, o *Options) (Baseline, bool) {
	if chance(c) != twoChoice {
		return Baseline{}, false
	}
	lowest := twoChoice
	for i := range points {
		share := points[i].score()
		if points[i].N == 0 || share >= lowest || all[i].pBelow(twoChoice) >= o.Alpha/2 {
			continue
		}
		for k := range points {
			if k != i && points[k].N == points[i].N && points[k].K == points[i].K {
				lowest = share
			}
		}
	}
	if lowest == twoChoice {
		return Baseline{}, false
	}
	return Baseline{Value: c.perfect() * (1 - lowest), Origin: "best constant answer, inferred from models below chance"}, true
}

// suspectBaseline says that the curve jumps from a floor that is above the baseline: if that floor is what a
// model without the ability scores, the baseline is too low, and the label with it.
func (j *judge) suspectBaseline() string {
	if j.on < 0 || j.on > 1 || len(j.all) < j.o.MinModels {
		return ""
	}
	free := j.counts
	free.floorHi = 1 - tiny
	step := free.step()
	if at := step.coef; len(at) == 3 && j.fit(ModelLinear).aicc-step.aicc >= j.o.AICcGap && at[2]-j.all[0].x >= j.o.MinFloor {
		return fmt.Sprintf("performance jumps from %.3g to %.3g: if %.3g is what a model without the ability scores, the baseline of %.3g is too low",
			at[0], at[1], at[0], j.c0)
	}
	return ""
}
