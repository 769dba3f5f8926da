package tasks

// readMetrics reads metric_list. Whether a metric exists and takes its options is for evaluators to say.
func readMetrics(f field) ([]MetricSpec, error) {
	if !f.set() {
		return nil, nil
	}
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	var out []MetricSpec
	for _, item := range items {
		pairs, err := item.pairs()
		if err != nil {
			return nil, err
		}
		var m MetricSpec
		for _, p := range pairs {
			switch p.key {
			case "metric":
				m.Name, err = p.text()
			case "aggregation":
				m.Aggregation, err = p.text()
			default:
				err = addOption(&m.Options, p)
			}
			if err != nil {
				return nil, err
			}
		}
		if m.Name == "" {
			return nil, item.errorf("a metric needs a name: the key \"metric\" is missing")
		}
		out = append(out, m)
	}
	return out, nil
}

// readPipelines reads filter_list; nil where the task states none, which means the response as it is.
func readPipelines(f field) ([]PipelineSpec, error) {
	if !f.set() {
		return nil, nil
	}
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	var out []PipelineSpec
	for _, item := range items {
		pairs, err := item.pairs()
		if err != nil {
			return nil, err
		}
		var pipe PipelineSpec
		for _, p := range pairs {
			switch p.key {
			case "name":
				pipe.Name, err = p.text()
			case "filter":
				pipe.Filters, err = readFilters(p.field)
			default:
				err = p.unknown([]string{"name", "filter"})
			}
			if err != nil {
				return nil, err
			}
		}
		if pipe.Name == "" || pipe.Filters == nil {
			return nil, item.errorf("a filter pipeline needs the keys \"name\" and \"filter\"")
		}
		for _, other := range out {
			if other.Name == pipe.Name {
				return nil, item.errorf("the filter pipeline %q stands twice", pipe.Name)
			}
		}
		out = append(out, pipe)
	}
	return out, nil
}

func readFilters(f field) ([]FilterSpec, error) {
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	out := []FilterSpec{}
	for _, item := range items {
		pairs, err := item.pairs()
		if err != nil {
			return nil, err
		}
		var spec FilterSpec
		for _, p := range pairs {
			if p.key == "function" {
				spec.Function, err = p.text()
			} else {
				err = addOption(&spec.Options, p)
			}
			if err != nil {
				return nil, err
			}
		}
		if spec.Function == "" {
			return nil, item.errorf("a filter needs a name: the key \"function\" is missing")
		}
		out = append(out, spec)
	}
	return out, nil
}

func addOption(options *Options, p pair) error {
	v, err := p.plainValue(0)
	if err != nil {
		return err
	}
	if *options == nil {
		*options = make(Options)
	}
	(*options)[p.key] = v
	return nil
}
