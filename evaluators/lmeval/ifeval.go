package lmeval

import (
	"fmt"

	"github.com/onset-eval/onset/evaluators/instruct"
	"github.com/onset-eval/onset/tasks/pyval"
)

// ifeval judges whether an answer follows the instructions of its prompt.
func ifeval(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	ids, err := docTexts(doc, "instruction_id_list")
	if err != nil {
		return nil, err
	}
	list, err := docList(doc, "kwargs")
	if err != nil {
		return nil, err
	}
	arguments := make([]*pyval.Dict, len(list))
	for i, v := range list {
		var ok bool
		if arguments[i], ok = v.(*pyval.Dict); !ok {
			return nil, fmt.Errorf("field kwargs of the document must hold dictionaries, not %s", brief(v))
		}
	}
	v, err := instruct.Judge(ids, arguments, text)
	if err != nil {
		return nil, err
	}
	return metrics("prompt_level_strict_acc", instruct.All(v.Strict), "inst_level_strict_acc", truths(v.Strict),
		"prompt_level_loose_acc", instruct.All(v.Loose), "inst_level_loose_acc", truths(v.Loose)), nil
}

func truths(judgements []bool) pyval.List {
	out := make(pyval.List, len(judgements))
	for i, ok := range judgements {
		out[i] = ok
	}
	return out
}
