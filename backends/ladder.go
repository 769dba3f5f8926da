package backends

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// Ladder is a family of models that differ in scale alone.
type Ladder struct {
	Family string `json:"family"`
	// Axis is the scale plotted on x: one of Axes.
	Axis string `json:"axis"`
	// Count says which parameters are counted of models whose params the file does not give; see Model.
	Count  string  `json:"count,omitempty"`
	Models []Model `json:"models"`
}

// The axes on which a family can be ordered; see Scale.
const (
	AxisParams      = "params"
	AxisTrainTokens = "train_tokens"
	AxisTrainFLOPs  = "train_flops"
	AxisLoss        = "loss"
)

// Axes lists all axes.
var Axes = [...]string{AxisParams, AxisTrainTokens, AxisTrainFLOPs, AxisLoss}

// On gives the scale on an axis; 0 is unknown.
func (s Scale) On(axis string) float64 {
	switch axis {
	case AxisParams:
		return s.Params
	case AxisTrainTokens:
		return s.TrainTokens
	case AxisTrainFLOPs:
		if s.TrainFLOPs == 0 {
			return 6 * s.Params * s.TrainTokens
		}
		return s.TrainFLOPs
	case AxisLoss:
		return s.Loss
	}
	return 0
}

// LoadLadder reads a ladder file. A model that is a path is taken relative to the ladder file's folder where it lies
// there, else relative to the current folder. An error points at the place in the file and says what to type instead.
func LoadLadder(file string) (Ladder, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Ladder{}, fmt.Errorf("read ladder: %w", err)
	}
	l, err := decodeLadder(filepath.ToSlash(file), data)
	for i := range l.Models {
		m := &l.Models[i]
		if !m.Ref.IsPath() {
			continue
		}
		if beside := filepath.Join(filepath.Dir(file), m.Ref.Model); !filepath.IsAbs(m.Ref.Model) {
			if _, err := os.Stat(beside); err == nil {
				m.Ref.Model = beside
			}
		}
		if abs, err := filepath.Abs(m.Ref.Model); err == nil {
			m.Ref.Model = abs
		}
	}
	return l, err
}

// LoadLadderFS reads a ladder file of a file system. Paths of models stay as they are.
func LoadLadderFS(fsys fs.FS, name string) (Ladder, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return Ladder{}, fmt.Errorf("read ladder: %w", err)
	}
	return decodeLadder(name, data)
}

func decodeLadder(file string, data []byte) (Ladder, error) {
	var l Ladder
	root, err := yamlfile.Parse(file, data)
	if err != nil {
		return l, err
	}
	pairs, err := root.Pairs()
	if err != nil {
		return l, err
	}
	var models []yamlfile.Field
	var modelsAt yamlfile.Field
	for _, p := range pairs {
		switch p.Key {
		case "family":
			l.Family, err = p.Text()
		case "axis":
			l.Axis, err = readOne(p.Field, Axes[:], "the axes are ")
		case "count":
			l.Count, err = readOne(p.Field, Counts[:], "it is ")
		case "models":
			modelsAt = p.Field
			models, err = p.Items()
		default:
			err = p.Unknown([]string{"family", "axis", "count", "models"})
		}
		if err != nil {
			return l, err
		}
	}
	switch {
	case l.Family == "":
		return l, root.Hintf("begin the file with family: NAME", "the key %q is missing", "family")
	case l.Axis == "":
		return l, root.Hintf("write axis: params, or "+strings.Join(Axes[1:], ", "), "the key %q is missing", "axis")
	case len(models) == 0 && modelsAt.Set():
		return l, modelsAt.Errorf("models: there is none")
	case len(models) == 0:
		return l, root.Errorf("the key %q is missing", "models")
	}
	for _, m := range models {
		if err := l.addModel(m); err != nil {
			return l, err
		}
	}
	return l, nil
}

// readOne reads one of some words; what is a sentence's beginning that the words end.
func readOne(f yamlfile.Field, words []string, what string) (string, error) {
	word, err := f.Text()
	if err != nil || slices.Contains(words, word) {
		return word, err
	}
	hint := what + strings.Join(words, ", ")
	if near := yamlfile.Nearest(word, words); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return "", f.Hintf(hint, "%s: %q is unknown", f.Key, word)
}

var modelKeys = []string{"name", "model", "params", "train_tokens", "train_flops", "loss", "base_url", "args"}

func (l *Ladder) addModel(f yamlfile.Field) error {
	m := Model{Family: l.Family, Axis: l.Axis, Count: l.Count}
	pairs, err := f.Pairs()
	if err != nil {
		return err
	}
	at := make(map[string]yamlfile.Field)
	for _, p := range pairs {
		at[p.Key] = p.Field
		if err := m.read(p); err != nil {
			return err
		}
	}
	switch {
	case m.Name == "":
		return f.Errorf("the model has no name")
	case m.Ref == Ref{}:
		return f.Hintf("for example model: local/checkpoints/pythia-70m", "model %s has no reference under the key %q", m.Name, "model")
	case m.Scale.On(l.Axis) == 0 && l.Axis == AxisTrainFLOPs && (m.Ref.Provider != "local" || m.Scale.TrainTokens == 0):
		return f.Errorf("model %s has neither train_flops nor params and train_tokens, and the axis is train_flops", m.Name)
	case m.Scale.On(l.Axis) == 0 && (l.Axis != AxisParams && l.Axis != AxisTrainFLOPs || m.Ref.Provider != "local"):
		return f.Errorf("model %s has no %s, and the axis is %s", m.Name, l.Axis, l.Axis)
	}
	if slices.ContainsFunc(l.Models, func(o Model) bool { return o.Name == m.Name }) {
		return at["name"].Errorf("another model is named %s", m.Name)
	}
	m.Scale.TrainFLOPs = m.Scale.On(AxisTrainFLOPs)
	l.Models = append(l.Models, m)
	return nil
}

func (m *Model) read(p yamlfile.Pair) (err error) {
	switch p.Key {
	case "name":
		m.Name, err = p.Name()
	case "model":
		m.Ref, err = readRef(p.Field)
	case "params":
		m.Scale.Params, err = readScale(p.Field)
	case "train_tokens":
		m.Scale.TrainTokens, err = readScale(p.Field)
	case "train_flops":
		m.Scale.TrainFLOPs, err = readScale(p.Field)
	case "loss":
		m.Scale.Loss, err = readScale(p.Field)
	case "base_url":
		m.BaseURL, err = p.Text()
	case "args":
		m.Args, err = readArgs(p.Field)
	default:
		err = p.Unknown(modelKeys)
	}
	return err
}

func readRef(f yamlfile.Field) (Ref, error) {
	s, err := f.Text()
	if err != nil {
		return Ref{}, err
	}
	r, err := ParseRef(s)
	if err != nil {
		return r, f.Hintf("for example local/checkpoints/pythia-70m", "%v", err)
	}
	return r, nil
}

// readScale reads a positive number: 1208602624, 300e9, or with a letter for thousand, million, billion (10⁹) or
// trillion (10¹²), as 1.4B.
func readScale(f yamlfile.Field) (float64, error) {
	v, err := f.Number()
	if err != nil {
		text, textErr := f.Text()
		if textErr != nil {
			return 0, err
		}
		if v, textErr = parseScale(text); textErr != nil {
			return 0, f.Hintf("for example 70e6, 70M or 1.4B", "%s: %q is no number", f.Key, text)
		}
	}
	if !(v > 0) || math.IsInf(v, 0) {
		return 0, f.Errorf("%s: %v is not above 0", f.Key, v)
	}
	return v, nil
}

func parseScale(s string) (float64, error) {
	if strings.HasPrefix(s, "+") || strings.ContainsAny(s, "xXpPiInN") { // of what ParseFloat reads: hexadecimal, infinity, NaN
		return 0, strconv.ErrSyntax
	}
	factor := 1.0
	if n := len(s); n > 0 {
		switch s[n-1] {
		case 'k', 'K':
			factor = 1e3
		case 'm', 'M':
			factor = 1e6
		case 'b', 'B':
			factor = 1e9
		case 't', 'T':
			factor = 1e12
		}
		if factor > 1 {
			s = s[:n-1]
		}
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return v * factor, err
}

func readArgs(f yamlfile.Field) (map[string]string, error) {
	pairs, err := f.Pairs()
	if err != nil {
		return nil, err
	}
	args := make(map[string]string, len(pairs))
	for _, p := range pairs {
		if args[p.Key], err = p.Name(); err != nil {
			return nil, err
		}
	}
	return args, nil
}
