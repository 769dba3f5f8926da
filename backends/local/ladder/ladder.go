// Package ladder holds the checkpoints that ship in the binary: two families of eight small Llama-style models, 1.5
// thousand to 1.0 million parameters, trained on text that mixes three abilities. testdata/ladder/train makes them.
package ladder

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
)

//go:embed checkpoints
var files embed.FS

// Provider is the provider of the checkpoints' references: builtin/seed0/s3.
const Provider = "builtin"

// families lists the ladders by the names under which they ship.
var families = []string{"seed0", "seed1"}

// Ladders lists the ladders that ship, by name.
func Ladders() []string { return append([]string(nil), families...) }

// Load gives a ladder by its name.
func Load(name string) (backends.Ladder, error) {
	l, err := backends.LoadLadderFS(checkpoints(), name+".yaml")
	if err != nil {
		return l, fmt.Errorf("embedded ladder: %w", err)
	}
	return l, nil
}

// FS gives the files of a checkpoint by its name, "seed0/s3".
func FS(name string) (fs.FS, error) {
	if !fs.ValidPath(name) {
		return nil, unknown(name)
	}
	if st, err := fs.Stat(checkpoints(), name+"/config.json"); err != nil || st.IsDir() {
		return nil, unknown(name)
	}
	return fs.Sub(checkpoints(), name)
}

// Open loads a checkpoint by its name, "seed0/s3". The caller closes it.
func Open(ctx context.Context, name string) (*local.Backend, error) {
	fsys, err := FS(name)
	if err != nil {
		return nil, err
	}
	return local.OpenFS(ctx, fsys, name, local.Options{Provider: Provider})
}

func checkpoints() fs.FS {
	sub, err := fs.Sub(files, "checkpoints")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// UnknownError says that no checkpoint of this name ships.
type UnknownError struct{ Name string }

func unknown(name string) error { return &UnknownError{name} }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no checkpoint %q ships in the binary", e.Name)
}

// Hint says what to do.
func (e *UnknownError) Hint() string {
	return "onset list models shows those that do; for example builtin/seed0/s3"
}
