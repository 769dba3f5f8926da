package tasks

import (
	_ "embed"
	"slices"
)

//go:embed suite.schema.json
var suiteSchema []byte

// SuiteSchema gives the JSON Schema (draft 2020-12) of suite files, for editors. It accepts what LoadSuite
// accepts, but for what a schema cannot say: that a key stands once, and that a tag such as !function has
// no meaning.
func SuiteSchema() []byte { return slices.Clone(suiteSchema) }
