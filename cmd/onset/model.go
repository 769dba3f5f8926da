package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/reports"
)

// cacheVariable names the folder for what is kept between runs; "none" keeps nothing.
const cacheVariable = "ONSET_CACHE_DIR"

// cacheDir is that folder: the variable's, else onset's in the user's cache folder, else none.
func cacheDir(getenv func(string) string) string {
	switch dir := getenv(cacheVariable); dir {
	case "":
	case "none":
		return ""
	default:
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "onset")
}

// openLocal opens a checkpoint folder.
func openLocal(ctx context.Context, m backends.Model) (backends.Backend, error) {
	o, err := local.OptionsFor(engineArgs(m.Args))
	if err != nil {
		err = usage(err)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Ref, err)
	}
	if o.CacheDir == "" {
		o.CacheDir = cacheDir(os.Getenv)
	}
	return local.Open(ctx, m.Ref.Model, o)
}

// engineArgs are the arguments of a local model that are the engine's: the others say where it runs.
func engineArgs(args map[string]string) map[string]string {
	args = maps.Clone(args)
	for _, name := range append(worker.Args(), deviceArg) {
		delete(args, name)
	}
	return args
}

// countLadder counts the parameters of local models whose ladder file gives none.
func countLadder(l backends.Ladder) (backends.Ladder, error) {
	l.Models = slices.Clone(l.Models)
	for i, m := range l.Models {
		if m.Ref.Provider != "local" || m.Scale.Params > 0 {
			continue
		}
		all, nonEmbedding, err := local.Count(m.Ref.Model)
		if err != nil {
			return l, fmt.Errorf("model %s: %w", m.Name, err)
		}
		l.Models[i] = m.Counted(backends.Info{Params: all, ParamsNonEmbedding: nonEmbedding})
	}
	return l, nil
}

// modelOptions are the flags that all of onset model's commands have.
type modelOptions struct {
	cache string
	json  bool
}

func newModelCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model info|bench|cache|prune",
		Short: "look at a checkpoint: what it is, what it takes, how fast it runs here",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModelInfoCommand(a), newModelBenchCommand(a), newModelCacheCommand(a), newModelPruneCommand(a))
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
	return cmd
}

func (o *modelOptions) add(a *app, cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.cache, "cache-dir", "", "folder for packed weights, or none (default $"+cacheVariable+", else the user's cache folder)")
	cmd.Flags().BoolVar(&o.json, "json", false, "write JSON")
	cmd.PreRun = func(*cobra.Command, []string) {
		switch o.cache {
		case "":
			o.cache = cacheDir(a.getenv)
		case "none":
			o.cache = ""
		}
	}
}

// checkpointFolder takes a folder, or a reference local/FOLDER to it.
func checkpointFolder(arg string) string {
	if _, err := os.Stat(arg); err != nil {
		if dir, ok := strings.CutPrefix(arg, "local/"); ok {
			return dir
		}
	}
	return arg
}

func newModelInfoCommand(a *app) *cobra.Command {
	var o modelOptions
	cmd := &cobra.Command{
		Use:   "info DIR",
		Short: "say what a checkpoint is and what it takes",
		Long: `info reads a checkpoint's config, tokenizer and the headers of its weights, and checks that a model can be built of them.
It counts the parameters of the tensors that the model uses, each shared one once: all of them, and those that are neither
in an embedding nor in the head. The hash of the weights is remembered while their files stay what they are.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := local.Inspect(cmd.Context(), checkpointFolder(args[0]), local.Options{CacheDir: o.cache})
			if err != nil {
				return err
			}
			info := modelInfo{Inspection: in}
			if need, err := local.DeviceNeedOf(in.Path, local.Options{}); err == nil {
				info.GPU = &need
			}
			if o.json {
				return writeJSON(a.stdout, info)
			}
			return info.table().WriteText(a.stdout, a.width)
		},
	}
	o.add(a, cmd)
	return cmd
}

// modelInfo is what onset model info says of a checkpoint.
type modelInfo struct {
	local.Inspection
	// GPU is what it takes of a GPU; missing where it does not run on one.
	GPU *local.DeviceNeed `json:"gpu,omitempty"`
}

func (in modelInfo) table() reports.Table {
	t := newList("what", "value")
	var types []string
	for _, name := range slices.Sorted(maps.Keys(in.DTypes)) {
		types = append(types, fmt.Sprintf("%s (%s)", name, count(in.DTypes[name])))
	}
	available := "not known"
	if in.Available > 0 {
		available = bytesText(in.Available)
	}
	template := "none"
	if in.ChatTemplate != "" {
		template = fmt.Sprintf("yes (%d characters; --json prints it)", len([]rune(in.ChatTemplate)))
	}
	gpu := "it runs on the CPU alone"
	if in.GPU != nil {
		gpu = fmt.Sprintf("%s at least, in %s", bytesText(in.GPU.Least), in.GPU.Type)
	}
	m := in.Memory
	for _, row := range [][2]string{
		{"architecture", in.Architecture},
		{"parameters", count(in.Params)},
		{"without embeddings and head", count(in.ParamsNonEmbedding)},
		{"weights", strings.Join(types, ", ")},
		{"files", fmt.Sprintf("%d, %s", len(in.Files), bytesText(in.Bytes))},
		{"layers × width", fmt.Sprintf("%d × %d", in.Layers, in.Width)},
		{"heads, of keys and values", fmt.Sprintf("%d, %d", in.Heads, in.KVHeads)},
		{"context", fmt.Sprintf("%d tokens", in.Context)},
		{"tokenizer", fmt.Sprintf("%s, %d tokens for a vocabulary of %d", in.Tokenizer, in.Tokens, in.Vocab)},
		{"chat template", template},
		{"memory needed", fmt.Sprintf("%s: weights %s, keys and values %s (%s a token), activations %s", bytesText(m.Total), bytesText(m.Weights),
			bytesText(m.KV), bytesText(m.KVToken), bytesText(m.Activations))},
		{"memory available", available},
		{"memory of a GPU", gpu},
		{"weights hash", in.WeightsHash},
		{"packed weights", in.Packed},
	} {
		addRow(&t, row[0], row[1])
	}
	return t
}

// count writes a number of parameters for people: 162322944 (162M).
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	switch f := float64(n); {
	case n >= 1e9:
		return fmt.Sprintf("%s (%.3gB)", text, f/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%s (%.3gM)", text, f/1e6)
	}
	return text
}

// bytesText writes bytes for people, as "1.5 GiB".
func bytesText(n int64) string {
	switch f := float64(n); {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", f/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", f/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", f/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

func newModelCacheCommand(a *app) *cobra.Command {
	var o modelOptions
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "list the packed weights that are kept on disk",
		RunE: func(*cobra.Command, []string) error {
			all, err := local.Packed(o.cache)
			if err != nil {
				return err
			}
			return o.printPacked(a.stdout, a.width, all)
		},
	}
	o.add(a, cmd)
	return cmd
}

func (o modelOptions) printPacked(w io.Writer, width int, all []local.PackedFile) error {
	if o.json {
		if all == nil {
			all = []local.PackedFile{}
		}
		return writeJSON(w, all)
	}
	t := newList("weights", "size", "last used")
	for _, p := range all {
		addRow(&t, p.Name, bytesText(p.Bytes), p.Used.Format("2006-01-02 15:04"))
	}
	return t.WriteText(w, width)
}

func newModelPruneCommand(a *app) *cobra.Command {
	var o modelOptions
	var age time.Duration
	var all bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "delete packed weights that were not used for a while",
		Long: `prune deletes packed weights from the cache folder and lists what it deleted. They are packed again when they are needed; a
run that uses them now goes on.`,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case all:
				age = -time.Hour
			case age < 0:
				return usage(errors.New("--older-than is below 0"))
			}
			gone, err := local.Prune(o.cache, time.Now().Add(-age))
			if err != nil {
				return err
			}
			return o.printPacked(a.stdout, a.width, gone)
		},
	}
	cmd.Flags().DurationVar(&age, "older-than", 30*24*time.Hour, "delete what was last used so long ago")
	cmd.Flags().BoolVar(&all, "all", false, "delete everything")
	o.add(a, cmd)
	return cmd
}
