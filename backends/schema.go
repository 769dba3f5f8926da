package backends

import (
	_ "embed"
	"slices"
)

//go:embed ladder.schema.json
var ladderSchema []byte

// LadderSchema gives the JSON Schema (draft 2020-12) of ladder files, for editors. It accepts what LoadLadder accepts,
// but for what a schema cannot say: that names differ and that each model has the axis's scale.
func LadderSchema() []byte { return slices.Clone(ladderSchema) }
