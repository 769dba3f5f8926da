package tasks

// Output gives output_type, as lm-evaluation-harness names it: multiple_choice, loglikelihood, loglikelihood_rolling or
// generate_until; "" for a style that the task does not have.
func (t *Task) Output(s Style) string {
	if l := t.layouts[s]; l != nil {
		return string(l.output)
	}
	return ""
}

// HasChoices reports whether the style's answers are chosen among options.
func (t *Task) HasChoices(s Style) bool {
	l := t.layouts[s]
	return l != nil && l.eval.choice.isSet
}
