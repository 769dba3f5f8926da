package tasks

import (
	"fmt"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/pyval"
)

// readAggregates reads aggregate_metric_list: one entry or a list of them.
func readAggregates(f yamlfile.Field) ([]Aggregate, error) {
	if !f.Set() || f.IsNull() {
		return nil, nil
	}
	items, err := f.Items()
	if err != nil {
		items = []yamlfile.Field{f}
	}
	var out []Aggregate
	for _, item := range items {
		pairs, err := item.Pairs()
		if err != nil {
			return nil, err
		}
		a := Aggregate{Function: "mean", WeightBySize: true}
		for _, p := range pairs {
			switch p.Key {
			case "metric":
				a.Metric, err = p.Text()
			case "filter_list":
				if !p.IsNull() {
					a.Filters, err = p.Texts()
				}
			case "aggregation":
				if a.Function, err = p.Text(); err == nil && a.Function != "mean" {
					err = unknownWord(p.Field, a.Function, []string{"mean"})
				}
			case "weight_by_size":
				a.WeightBySize, err = readTruthy(p.Field)
			case "higher_is_better": // the metric says so itself
			default:
				err = p.Unknown([]string{"metric", "filter_list", "aggregation", "weight_by_size"})
			}
			if err != nil {
				return nil, err
			}
		}
		if a.Metric == "" {
			return nil, item.Errorf("aggregate_metric_list: the key \"metric\" is missing")
		}
		out = append(out, a)
	}
	return out, nil
}

// readTruthy reads what Python takes for true: any text but the empty one, so truez is true.
func readTruthy(f yamlfile.Field) (bool, error) {
	v, err := pythonValue(f)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case nil:
		return false, nil
	case string:
		return v != "", nil
	case int64:
		return v != 0, nil
	case float64:
		return v != 0, nil
	case pyval.List:
		return len(v) > 0, nil
	}
	return false, fmt.Errorf("%w", f.Wrong("true or false"))
}
