package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/tasks"
)

// samplingKeys lists the keys of --gen-kwargs; max_tokens is another name of max_gen_toks.
var samplingKeys = []string{"temperature", "top_p", "top_k", "min_p", "max_gen_toks", "max_tokens", "until", "do_sample"}

// samplingPatch reads --gen-kwargs, and gives what changes a suite entry's sampling.
func samplingPatch(args map[string]string) (func(*tasks.SamplingPatch), error) {
	var patch tasks.SamplingPatch
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if err := setSampling(&patch, key, args[key]); err != nil {
			return nil, withHint(err, "the keys are %s; for example --gen-kwargs temperature=0.8,max_gen_toks=64", strings.Join(samplingKeys, ", "))
		}
	}
	if patch.Temperature == nil && args["do_sample"] == "false" {
		patch.Temperature = new(float64)
	}
	return func(p *tasks.SamplingPatch) {
		for _, f := range []struct{ from, to **float64 }{
			{&patch.Temperature, &p.Temperature}, {&patch.TopP, &p.TopP}, {&patch.MinP, &p.MinP},
		} {
			if *f.from != nil {
				*f.to = *f.from
			}
		}
		for _, f := range []struct{ from, to **int }{{&patch.TopK, &p.TopK}, {&patch.MaxTokens, &p.MaxTokens}} {
			if *f.from != nil {
				*f.to = *f.from
			}
		}
		if patch.Stop != nil {
			p.Stop = patch.Stop
		}
	}, nil
}

func setSampling(p *tasks.SamplingPatch, key, value string) error {
	switch key {
	case "temperature":
		return parseFloat(&p.Temperature, key, value, 100)
	case "top_p":
		return parseFloat(&p.TopP, key, value, 1)
	case "min_p":
		return parseFloat(&p.MinP, key, value, 1)
	case "top_k":
		return parseCount(&p.TopK, key, value)
	case "max_gen_toks", "max_tokens":
		return parseCount(&p.MaxTokens, key, value)
	case "until":
		p.Stop = &[]string{value}
		return nil
	case "do_sample":
		if _, err := strconv.ParseBool(value); err != nil {
			return fmt.Errorf("--gen-kwargs do_sample=%s is neither true nor false", value)
		}
		return nil
	}
	return fmt.Errorf("--gen-kwargs has no key %q", key)
}

func parseFloat(into **float64, key, value string, most float64) error {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || !(v >= 0 && v <= most) {
		return fmt.Errorf("--gen-kwargs %s=%s is no number from 0 to %g", key, value, most)
	}
	*into = &v
	return nil
}

func parseCount(into **int, key, value string) error {
	v, err := strconv.Atoi(value)
	if err != nil || v < 0 {
		return fmt.Errorf("--gen-kwargs %s=%s is no whole number from 0 on", key, value)
	}
	*into = &v
	return nil
}
