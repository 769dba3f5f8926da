package dataset

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// card is what the front matter of a README.md says of a repository's data.
type card struct {
	Configs []config `yaml:"configs"`
	Info    infoList `yaml:"dataset_info"`
}

// config is a configuration of a repository.
type config struct {
	Name      string         `yaml:"config_name"`
	Default   bool           `yaml:"default"`
	DataDir   string         `yaml:"data_dir"`
	DataFiles any            `yaml:"data_files"`
	Rest      map[string]any `yaml:",inline"` // such as sep
}

// info is what is said of the columns of a configuration; of interest are the classes.
type info struct {
	Name     string    `yaml:"config_name"`
	Features yaml.Node `yaml:"features"`
}

// infoList is one info, or a list of them.
type infoList []info

// UnmarshalYAML reads one or many.
func (l *infoList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]info)(l))
	}
	var one info
	if err := n.Decode(&one); err != nil {
		return err
	}
	*l = infoList{one}
	return nil
}

// readCard reads a README.md; one without front matter says nothing.
func readCard(readme []byte) (card, error) {
	var c card
	text := bytes.ReplaceAll(bytes.TrimPrefix(readme, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	rest, ok := bytes.CutPrefix(text, []byte("---\n"))
	if !ok {
		return c, nil
	}
	front, _, ok := bytes.Cut(append([]byte("\n"), rest...), []byte("\n---"))
	if !ok {
		return c, nil
	}
	err := guarded(func() error { return yaml.Unmarshal(front, &c) })
	if err != nil {
		return card{}, &Error{File: "README.md", Err: fmt.Errorf("its front matter: %w", err)}
	}
	return c, nil
}

// config finds the configuration of a name; "" is the default one. ok is false where the card lists none.
func (c card) config(name string) (found config, ok bool, err error) {
	if len(c.Configs) == 0 {
		return config{}, false, nil
	}
	var names []string
	for _, f := range c.Configs {
		if name != "" && f.Name == name || name == "" && (f.Default || len(c.Configs) == 1) {
			return f, true, nil
		}
		names = append(names, f.Name)
	}
	if i := slices.Index(names, "default"); name == "" && i >= 0 {
		return c.Configs[i], true, nil
	}
	return config{}, true, unknownConfig(name, names)
}

func unknownConfig(name string, names []string) error {
	slices.Sort(names)
	list := strings.Join(names, ", ")
	if len(names) > 40 {
		list = strings.Join(names[:40], ", ") + fmt.Sprintf(" and %d more", len(names)-40)
	}
	if name == "" {
		return fmt.Errorf("the dataset has several configurations: write dataset_name, one of %s", list)
	}
	return fmt.Errorf("the dataset has no configuration %q: it has %s", name, list)
}

// labels gives the names of classes by column, for a configuration.
func (c card) labels(name string) map[string][]string {
	for _, i := range c.Info {
		if i.Name != name && i.Name != "" && len(c.Info) > 1 {
			continue
		}
		var features []struct {
			Name string `yaml:"name"`
			Type any    `yaml:"dtype"`
		}
		if i.Features.Decode(&features) != nil {
			return nil // what is not understood here names no classes
		}
		out := make(map[string][]string)
		for _, f := range features {
			if names := classNames(f.Type); names != nil {
				out[f.Name] = names
			}
		}
		return out
	}
	return nil
}

// classNames reads {class_label: {names: {'0': neg, '1': pos}}}.
func classNames(dtype any) []string {
	t, _ := dtype.(map[string]any)
	l, _ := t["class_label"].(map[string]any)
	switch names := l["names"].(type) {
	case []any:
		out := make([]string, len(names))
		for i, n := range names {
			out[i] = fmt.Sprint(n)
		}
		return out
	case map[string]any:
		out := make([]string, len(names))
		for k, v := range names {
			i, err := strconv.Atoi(k)
			if err != nil || i < 0 || i >= len(out) {
				return nil
			}
			out[i] = fmt.Sprint(v)
		}
		return out
	}
	return nil
}
