package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/ladder"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/builtin"
)

// planFlags are the flags that say what to run.
type planFlags struct {
	suite    string
	ladders  []string
	models   []string
	tasks    []string
	shots    []int
	styles   []string
	seeds    []uint64
	draws    int
	limit    int
	include  []string
	baseURL  string
	args     map[string]string
	sampling map[string]string
	seed     uint64
	shard    string
	ask      runner.Ask
	data     []string
	python   string
	sandbox  string
	deviceFlags
}

func (f *planFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.suite, "suite", "s", "", "suite file, or the name of a suite that ships: demo, quick")
	flags.StringArrayVar(&f.ladders, "ladder", nil, "ladder file of a model family, or the name of one that ships (repeatable)")
	flags.StringSliceVarP(&f.models, "model", "m", nil, "models as provider/model, comma-separated or repeated")
	flags.StringSliceVarP(&f.tasks, "task", "t", nil, "tasks to run instead of a suite, comma-separated or repeated")
	flags.IntSliceVarP(&f.shots, "shots", "f", nil, "shot counts, comma-separated (with --task)")
	flags.StringSliceVar(&f.styles, "style", nil, "prompt styles: direct, cot (with --task)")
	flags.Var(&seedList{&f.seeds}, "seeds", "seeds that select worked examples and draws, comma-separated (with --task)")
	flags.IntVar(&f.draws, "draws", 0, "responses to sample of each sample (with --task)")
	flags.IntVarP(&f.limit, "limit", "L", 0, "take at most this many samples of each task; 0 takes all")
	flags.StringArrayVar(&f.include, "include-path", nil, "a further folder or file of tasks (repeatable)")
	flags.StringArrayVar(&f.data, "data-dir", nil, "a folder with copies of dataset repositories, as ORG/NAME (repeatable)")
	flags.StringVar(&f.sandbox, "sandbox", "", sandboxUse)
	flags.StringVar(&f.python, "python-hooks", "", "run functions of task files that have no native equivalent in this interpreter, as python3: executes code of the folders of tasks")
	flags.StringVar(&f.baseURL, "base-url", "", "address of the model server, for models given with -m")
	flags.StringToStringVar(&f.args, "model-args", nil, "options of the backend, key=value, for models given with -m")
	flags.StringToStringVar(&f.sampling, "gen-kwargs", nil, "sampling options that replace the tasks': temperature, top_p, top_k, min_p, max_gen_toks")
	flags.Uint64Var(&f.seed, "seed", 0, "the run's seed, from which every random stream derives")
	flags.BoolVar(&f.ask.Compat, "lm-eval-compat", false, "ask and judge to the byte as lm-evaluation-harness does, its quirks included")
	flags.BoolVar(&f.ask.ChatTemplate, "apply-chat-template", false, "ask in turns, by the model's chat template")
	flags.BoolVar(&f.ask.Letters, "letters", false, "ask multiple choice for a letter where a model gives no log-likelihoods, as chat APIs do not; the metric is then acc_letter")
	flags.BoolVar(&f.ask.Multiturn, "fewshot-as-multiturn", false, "make each worked example a turn of its own (with --apply-chat-template)")
	flags.StringVar(&f.ask.System, "system-instruction", "", "an instruction that stands before each task's description")
	f.deviceFlags.add(flags)
	flags.StringVar(&f.shard, "shard", "", "run the i-th of n parts, as i/n with i from 1; parts share one run directory")
}

// seedList is a comma-separated list of seeds; pflag has none for uint64.
type seedList struct{ seeds *[]uint64 }

func (l *seedList) String() string { return "" }
func (l *seedList) Type() string   { return "seeds" }
func (l *seedList) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return fmt.Errorf("seed %q is not a number from 0 on", part)
		}
		*l.seeds = append(*l.seeds, n)
	}
	return nil
}

// spec turns the flags into what is written to the run's header and planned from there.
func (f *planFlags) spec() (runSpec, error) {
	if f.ask.Multiturn && !f.ask.ChatTemplate {
		return runSpec{}, usage(withHint(errors.New("--fewshot-as-multiturn needs --apply-chat-template"), "give both, or neither"))
	}
	if f.ask.Letters && f.ask.Compat {
		return runSpec{}, usage(withHint(errors.New("--letters asks otherwise than lm-evaluation-harness does, and --lm-eval-compat as it does"), "leave one of them out"))
	}
	spec := runSpec{Include: absolute(f.include), Data: absolute(f.data), Python: f.python, Sandbox: f.sandbox, Seed: f.seed, Ask: f.ask, Device: f.device}
	_, err := parseDevice(f.device)
	if err != nil {
		return spec, err
	}
	if spec.Suite, err = f.loadSuite(); err != nil {
		return spec, usage(err)
	}
	if spec.Ladders, spec.Models, err = f.loadModels(); err != nil {
		return spec, usage(err)
	}
	return spec, nil
}

func (f *planFlags) loadSuite() (tasks.Suite, error) {
	var suite tasks.Suite
	var err error
	switch {
	case f.suite != "" && len(f.tasks) > 0:
		return suite, withHint(errors.New("--suite and --task are given"), "give the one or the other")
	case f.suite == "" && len(f.tasks) == 0:
		return suite, withHint(errors.New("nothing to run"), "name a suite with --suite or tasks with --task; onset list tasks shows what there is")
	case f.suite != "":
		if suite, err = openSuite(f.suite); err != nil {
			return suite, err
		}
		if len(f.shots)+len(f.styles)+len(f.seeds)+f.draws > 0 {
			return suite, withHint(errors.New("--shots, --style, --seeds and --draws are the suite's to say"), "change the suite file, or run tasks with --task")
		}
	default:
		suite = f.adHocSuite()
	}
	return f.override(suite)
}

func (f *planFlags) adHocSuite() tasks.Suite {
	suite := tasks.Suite{Name: strings.Join(f.tasks, "+")}
	for _, name := range f.tasks {
		e := tasks.Entry{Task: name, Shots: f.shots, Seeds: f.seeds, Draws: f.draws}
		for _, s := range f.styles {
			e.Styles = append(e.Styles, tasks.Style(s))
		}
		suite.Entries = append(suite.Entries, e)
	}
	return suite
}

// override applies --limit and --gen-kwargs to every entry.
func (f *planFlags) override(suite tasks.Suite) (tasks.Suite, error) {
	if f.limit < 0 {
		return suite, fmt.Errorf("--limit %d is negative", f.limit)
	}
	patch, err := samplingPatch(f.sampling)
	if err != nil {
		return suite, err
	}
	suite.Entries = slices.Clone(suite.Entries)
	for i := range suite.Entries {
		e := &suite.Entries[i]
		patch(&e.Sampling)
		if f.limit > 0 && (e.Limit == 0 || f.limit < e.Limit) {
			e.Limit = f.limit
		}
	}
	return suite, nil
}

func openSuite(name string) (tasks.Suite, error) {
	if slices.Contains(suiteNames(), name) {
		return tasks.LoadSuiteFS(builtin.Suites(), name+".yaml")
	}
	suite, err := tasks.LoadSuite(name)
	if err != nil {
		return suite, withFallbackHint(err, "the suites that ship are: %s", strings.Join(suiteNames(), ", "))
	}
	return suite, nil
}

// suiteNames lists the suites that ship.
func suiteNames() []string {
	files, err := fs.Glob(builtin.Suites(), "*.yaml")
	if err != nil {
		panic(err) // the pattern is fixed
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".yaml")
	}
	return files
}

func (f *planFlags) loadModels() ([]backends.Ladder, []backends.Model, error) {
	var ladders []backends.Ladder
	for _, name := range f.ladders {
		l, err := openLadder(name)
		if err != nil {
			return nil, nil, err
		}
		for i := range l.Models {
			l.Models[i] = f.computing(l.Models[i])
		}
		ladders = append(ladders, l)
	}
	var models []backends.Model
	for _, ref := range f.models {
		m, err := parseModel(ref)
		if err != nil {
			return nil, nil, err
		}
		m.BaseURL, m.Args = f.baseURL, f.args
		models = append(models, f.computing(m))
	}
	if len(ladders)+len(models) == 0 {
		return nil, nil, withHint(errors.New("no model to run"), "name a ladder file with --ladder or a model with --model; onset list models shows those that ship")
	}
	return ladders, models, nil
}

func openLadder(name string) (backends.Ladder, error) {
	if slices.Contains(ladder.Ladders(), name) {
		return ladder.Load(name)
	}
	l, err := backends.LoadLadder(name)
	if err != nil {
		return l, withFallbackHint(err, "the ladders that ship are: %s", strings.Join(ladder.Ladders(), ", "))
	}
	return l, nil
}

// parseShard reads i/n with i from 1.
func parseShard(s string) (runner.Shard, error) {
	if s == "" {
		return runner.Shard{}, nil
	}
	i, n, ok := strings.Cut(s, "/")
	index, err1 := strconv.Atoi(i)
	count, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || index < 1 || index > count {
		return runner.Shard{}, usage(withHint(fmt.Errorf("shard %q is not i/n", s), "for example --shard 1/8 to --shard 8/8"))
	}
	return runner.Shard{Index: index - 1, Count: count}, nil
}
