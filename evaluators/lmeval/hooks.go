package lmeval

import (
	"fmt"
	"maps"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// ResultsHook is what a task file's `process_results: !function` names.
type ResultsHook struct {
	// Name is the harness's file, without its ending, and function, from the folder of tasks.
	Name string
	// Doc says in one line what it computes.
	Doc     string
	Results ResultsFunc
}

// ResultsHooks lists the functions behind process_results that are known here.
func ResultsHooks() []ResultsHook {
	hooks := []ResultsHook{
		{"hendrycks_math/utils.process_results", "the answer between dollar signs against the boxed one", HendrycksMath},
		{"minerva_math/utils.process_results", "the final answer against the boxed one, as strings or rational numbers", minervaMath},
		{"minerva_math/utils.process_results@0.4.13", "the same with the release's normal form", minervaRelease},
		{"leaderboard/math/utils.process_results", "the final answer against the boxed one, as strings or rational numbers", leaderboardMath},
		{"aime/utils.process_results", "the boxed answer, else that between dollar signs", aime},
		{"agieval/utils.process_results", "the mathematical answer in a text", agievalMath},
		{"agieval/utils.process_results_mcqa", "acc and acc_norm with several right choices", agievalChoice},
		{"drop/utils.process_results", "exact match and F1 over bags of words (Dua et al. 2019)", drop},
		{"coqa/utils.process_results", "exact match and F1, each answer held against the others (Reddy et al. 2019)", coqa},
		{"super_glue/record/util.process_results", "exact match and F1 of the likeliest entity", record},
		{"truthfulqa/utils.process_results_mc2", "the probability of the true answers among all", truthfulMC2},
		{"truthfulqa-multi/utils.process_results_mc2", "the probability of the answers before the first false one", truthfulMC2Split},
		{"truthfulqa/utils.process_results_gen", "BLEU and ROUGE to true against false answers", truthfulGen},
		{"wikitext/preprocess_wikitext.process_results", "perplexities per word and byte of the page before detokenization", wikitext},
		{"eq_bench/utils.calculate_score_fullscale", "distance of emotion ratings (Paech 2023)", eqBench},
		{"crows_pairs/utils.process_results", "whether the stereotype is the likelier sentence", crowsPairs},
		{"mutual/utils.process_results", "recall at 1 and 2 and mean reciprocal rank of the right option", mutual},
		{"bbq/utils.process_results_multiple_choice", "accuracy and bias scores (Parrish et al. 2022)", bbqChoice},
		{"bbq/utils.process_results_generate_until", "accuracy and bias scores of a written answer", bbqText},
		{"ifeval/utils.process_results", "instructions followed, strictly and loosely (Zhou et al. 2023)", ifeval},
		{"leaderboard/ifeval/utils.process_results", "instructions followed, strictly and loosely (Zhou et al. 2023)", ifeval},
		{"super_glue/wsc/t5_utils.process_results", "the referent that is named", wsc},
		{"squadv2/task.SQuAD2", "answer and targets for the aggregations of SQuAD 2.0", squadV2},
		{"squad_completion/task.SQUADCompletion", "whether the answer holds the value", containsValue},
		{"fda/task.FDA", "whether the answer holds the value", containsValue},
		{"swde/task.SWDE", "whether the answer holds the value", containsValue},
		{"xquad/utils.process_results_qa", "exact match and F1", firstAnswer(xquadTarget)},
		{"catalan_bench/utils.process_results_qa", "exact match and F1", firstAnswer(catalanTarget)},
	}
	for _, language := range slices.Sorted(maps.Keys(mlqaLanguages)) {
		hooks = append(hooks, ResultsHook{"mlqa/utils.process_results_" + language, "exact match and F1 (Lewis et al. 2020)", mlqa(language)})
	}
	return hooks
}

// AggregationHooks lists the functions behind `aggregation: !function` that are known here, by file and function, or
// by function alone where many files hold the same one.
func AggregationHooks() []Aggregation {
	return append(squadV2Aggregations(), []Aggregation{
		Whole("weighted_f1_score", weightedF1),
		Whole("macro_f1_score", macroF1),
		Whole("micro_f1_score", microF1),
		Whole("afrobench/afriqa/prompt_1/utils.f1", pairsF1),
		Whole("afrobench/masakhaner/utils.span_f1_agg", spanF1),
		Whole("afrobench/masakhapos/utils.acc_score", tagAccuracy),
		Whole("super_glue/cb/aggregate.cb_multi_fi", cbMultiF1),
		Whole("super_glue/cb/t5_utils.agg_mean_3class_f1", cbMultiF1),
		Whole("ifeval/utils.agg_inst_level_acc", instructionAccuracy),
		Whole("leaderboard/ifeval/utils.agg_inst_level_acc", instructionAccuracy),
		Whole("bbq/utils.agg_accuracy_amb", bbqAccuracy(false)),
		Whole("bbq/utils.agg_accuracy_disamb", bbqAccuracy(true)),
		Whole("bbq/utils.agg_amb_bias_scores", bbqAmbiguousBias),
		Whole("bbq/utils.agg_disamb_bias_scores", bbqDisambiguatedBias),
		Whole("super_glue/multirc/t5_utils.agg_f1", binaryF1),
		Whole("super_glue/multirc/t5_utils.agg_em", groupsRight),
		Whole("super_glue/record/t5_utils.squad_em_agg", recordGroups(func(p, t string) float64 { return float64(integer(p == t)) }, false)),
		Whole("super_glue/record/t5_utils.squad_f1_agg", recordGroups(wordF1, true)),
	}...)
}

// CompareHook is what a task file's `metric: !function` names.
type CompareHook struct {
	// Name is the harness's file, without its ending, and function, from the folder of tasks.
	Name    string
	Compare Compare
}

// CompareHooks lists the functions behind `metric: !function` that are known here.
func CompareHooks() []CompareHook {
	return []CompareHook{
		{"super_glue/cb/t5_utils.mean_3class_f1", cbClasses},
		{"super_glue/multirc/t5_utils.f1", multircF1},
		{"super_glue/multirc/t5_utils.em", multircEM},
		{"super_glue/record/t5_utils.f1", swapped},
		{"super_glue/record/t5_utils.em", swapped},
		{"french_bench/utils.exact", frenchExact},
		{"french_bench/utils.f1", frenchF1},
		{"french_bench/utils.is_included", contained},
	}
}

// answer gives the first result, which must be a string.
func answer(results []pyval.Value) (string, error) {
	if len(results) > 0 {
		if s, ok := results[0].(string); ok {
			return s, nil
		}
	}
	return "", fmt.Errorf("the first response must be text, not %s", brief(pyval.List(results)))
}

// likelihoods gives the log-likelihoods of the results.
func likelihoods(results []pyval.Value) ([]float64, error) {
	if len(results) == 0 {
		return nil, fmt.Errorf("there are no log-likelihoods")
	}
	out := make([]float64, len(results))
	for i, r := range results {
		var err error
		if out[i], _, err = readLikelihood(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// docList gives a field of a document that must be a list.
func docList(doc *pyval.Dict, field string) (pyval.List, error) {
	v, _ := doc.Get(field)
	list, ok := v.(pyval.List)
	if !ok {
		return nil, fmt.Errorf("field %q of the document must be a list, not %s", field, brief(v))
	}
	return list, nil
}

// docTexts gives a field of a document that must be a list of strings.
func docTexts(doc *pyval.Dict, field string) ([]string, error) {
	list, err := docList(doc, field)
	out := make([]string, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("field %q of the document must hold strings, not %s", field, brief(v))
		}
		out[i] = s
	}
	return out, err
}

// metrics makes a Dict of names and values in turn.
func metrics(namesAndValues ...any) *pyval.Dict {
	out := new(pyval.Dict)
	for i := 0; i < len(namesAndValues); i += 2 {
		out.Set(namesAndValues[i].(string), namesAndValues[i+1])
	}
	return out
}
