package backends

import (
	"fmt"
	"strings"
)

// Ref is a provider/model reference: "local/checkpoints/pythia-70m", "openai/gpt-4o". The provider is the
// part before the first slash; the rest belongs to the provider and may hold slashes itself.
type Ref struct {
	Provider string
	Model    string
}

// ParseRef reads a provider/model reference.
func ParseRef(s string) (Ref, error) {
	provider, model, ok := strings.Cut(s, "/")
	if !ok || provider == "" || model == "" {
		return Ref{}, fmt.Errorf("model reference %q is not provider/model", s)
	}
	return Ref{Provider: provider, Model: model}, nil
}

func (r Ref) String() string { return r.Provider + "/" + r.Model }

// IsPath reports whether the model is a file or folder of this machine: then a command line means it relative to the
// current folder and a ladder file relative to its own. A program without a slash is looked up in PATH, and a model of a
// server is a path where it looks like one.
func (r Ref) IsPath() bool {
	switch r.Provider {
	case "local":
		return true
	case "exec":
		return strings.Contains(r.Model, "/")
	case "llama-server", "vllm", "sglang", "tgi":
		return strings.HasSuffix(r.Model, ".gguf") || strings.HasPrefix(r.Model, "/") || strings.HasPrefix(r.Model, "./") || strings.HasPrefix(r.Model, "../")
	}
	return false
}

// MarshalText writes the reference as provider/model.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *Ref) UnmarshalText(text []byte) error {
	v, err := ParseRef(string(text))
	if err != nil {
		return err
	}
	*r = v
	return nil
}
