package tasks

import (
	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/hooks"
)

// readMetrics reads metric_list. Whether a metric exists and takes its options is for evaluators to say.
func readMetrics(d document, f yamlfile.Field) ([]MetricSpec, error) {
	if !f.Set() || f.IsNull() {
		return nil, nil
	}
	items, err := f.Items()
	if err != nil {
		return nil, err
	}
	var out []MetricSpec
	for _, item := range items {
		pairs, err := item.Pairs()
		if err != nil {
			return nil, err
		}
		var m MetricSpec
		for _, p := range pairs {
			switch p.Key {
			case "metric":
				if m.Func, err = d.hook(p.Field, hooks.Metric); err == nil {
					m.Name, err = nameOf(d, p.Field)
				}
			case "higher_is_better":
				var better bool
				better, err = readTruthy(p.Field)
				m.HigherIsBetter = &better
			case "aggregation":
				if m.AggregationFunc, err = d.hook(p.Field, hooks.Aggregate); err == nil {
					m.Aggregation, err = nameOf(d, p.Field)
				}
			default:
				err = addOption(&m.Options, p)
			}
			if err != nil {
				return nil, err
			}
		}
		if m.Name == "" {
			return nil, item.Errorf("a metric needs a name: the key \"metric\" is missing")
		}
		out = append(out, m)
	}
	return out, nil
}

// readPipelines reads filter_list; nil where the task states none, which means the response as it is.
func readPipelines(d document, f yamlfile.Field) ([]PipelineSpec, error) {
	if !f.Set() || f.IsNull() {
		return nil, nil
	}
	items, err := f.Items()
	if err != nil {
		return nil, err
	}
	var out []PipelineSpec
	for _, item := range items {
		pairs, err := item.Pairs()
		if err != nil {
			return nil, err
		}
		var pipe PipelineSpec
		for _, p := range pairs {
			switch p.Key {
			case "name":
				pipe.Name, err = p.Text()
			case "filter":
				pipe.Filters, err = readFilters(d, p.Field)
			default:
				err = p.Unknown([]string{"name", "filter"})
			}
			if err != nil {
				return nil, err
			}
		}
		if pipe.Name == "" || pipe.Filters == nil {
			return nil, item.Errorf("a filter pipeline needs the keys \"name\" and \"filter\"")
		}
		for _, other := range out {
			if other.Name == pipe.Name {
				return nil, item.Errorf("the filter pipeline %q stands twice", pipe.Name)
			}
		}
		out = append(out, pipe)
	}
	return out, nil
}

func readFilters(d document, f yamlfile.Field) ([]FilterSpec, error) {
	items, err := f.Items()
	if err != nil {
		return nil, err
	}
	out := []FilterSpec{}
	for _, item := range items {
		pairs, err := lastPairs(item)
		if err != nil {
			return nil, err
		}
		var spec FilterSpec
		for _, p := range pairs {
			switch {
			case p.Key == "function" || p.Key == "filter_fn" && isFunction(p.Field):
				found, wrong := d.hook(p.Field, hooks.Filter)
				if err = wrong; found != nil {
					spec.Func = found
				}
				if err == nil && p.Key == "function" {
					spec.Function, err = nameOf(d, p.Field)
				}
			default:
				err = addOption(&spec.Options, p)
			}
			if err != nil {
				return nil, err
			}
		}
		if spec.Function == "" {
			return nil, item.Errorf("a filter needs a name: the key \"function\" is missing")
		}
		out = append(out, spec)
	}
	return out, nil
}

// nameOf gives a text, or the name of a function.
func nameOf(d document, f yamlfile.Field) (string, error) {
	if isFunction(f) {
		return d.call(f).Name, nil
	}
	return f.Text()
}

func addOption(options *Options, p yamlfile.Pair) error {
	v, err := p.Plain(0)
	if err != nil {
		return err
	}
	if *options == nil {
		*options = make(Options)
	}
	(*options)[p.Key] = v
	return nil
}
