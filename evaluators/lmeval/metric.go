package lmeval

import "github.com/onset-eval/onset/tasks/pyval"

// Metric is a metric of the harness's registry.
type Metric struct {
	Name string
	// Doc says in one line what is measured.
	Doc string
	// Aggregation names the aggregation of a metric_list entry that states none.
	Aggregation    string
	HigherIsBetter bool
	// Compare judges the answers to a generate_until request; nil hands the pair of target and answer on to the
	// aggregation. For the other output types the harness computes the metrics that it knows by name.
	Compare Compare
}

// Compare judges predictions against references, of which there are equally many. The result is a number, or a
// Dict of numbers by name.
type Compare func(references, predictions []pyval.Value) (pyval.Value, error)

// Metrics lists the harness's metrics. Those of Hugging Face's evaluate are not among them (MetricSpec.HFEvaluate), and
// a task's own are given as MetricSpec.Custom.
func Metrics() []Metric {
	return []Metric{
		{"acc", "1 where the likeliest choice is right", "mean", true, nil},
		{"acc_norm", "1 where the choice with the highest log-likelihood per character is right", "mean", true, nil},
		{"acc_bytes", "1 where the choice with the highest log-likelihood per UTF-8 byte is right", "mean", true, nil},
		{"acc_mutual_info", "1 where the choice that gains most from the question is right", "mean", true, nil},
		{"exact_match", "1 where the answer equals the target", "mean", true, nil},
		{"f1", "F1 of class 1 (scikit-learn's binary f1_score)", "f1", true, nil},
		{"mcc", "Matthews correlation coefficient", "matthews_corrcoef", true, nil},
		{"brier_score", "mean squared distance of probabilities and truth", "brier_score", false, nil},
		{"likelihood", "target and log-likelihoods of the choices", "mean", true, nil},
		{"perplexity", "exp of minus the mean log-likelihood", "perplexity", true, nil},
		{"word_perplexity", "exp of minus the log-likelihood per word", "weighted_perplexity", false, nil},
		{"byte_perplexity", "exp of minus the log-likelihood per UTF-8 byte", "weighted_perplexity", false, nil},
		{"bits_per_byte", "minus the base-2 log-likelihood per UTF-8 byte", "bits_per_byte", false, nil},
		{"bleu", "BLEU of the corpus (sacrebleu)", "bleu", true, nil},
		{"chrf", "chrF2 of the corpus (sacrebleu)", "chrf", true, nil},
		{"chrf++", "chrF2++ of the corpus (sacrebleu)", "chrf++", true, nil},
		{"bypass", "nothing", "bypass", true, nil},
		{"ter", "translation edit rate of the corpus (sacrebleu)", "ter", false, nil},
	}
}

// defaultMetrics are those of a task without metric_list.
func defaultMetrics(t OutputType) []MetricSpec {
	switch t {
	case LogLikelihood:
		return []MetricSpec{{Name: "perplexity"}, {Name: "acc"}}
	case LogLikelihoodRolling:
		return []MetricSpec{{Name: "word_perplexity"}, {Name: "byte_perplexity"}, {Name: "bits_per_byte"}}
	case MultipleChoice:
		return []MetricSpec{{Name: "acc"}, {Name: "acc_norm"}}
	}
	return []MetricSpec{{Name: "exact_match"}}
}
