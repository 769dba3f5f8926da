package kernels

import (
	"fmt"
	"strings"
)

// All lists the sets that this machine can run, the portable one first and the fastest last.
func All() []Set { return append([]Set{generic{}}, native()...) }

// Best is the fastest set that this machine can run.
func Best() Set {
	all := All()
	return all[len(all)-1]
}

// ByName finds one of All by its name.
func ByName(name string) (Set, error) {
	var names []string
	for _, s := range All() {
		if s.Name() == name {
			return s, nil
		}
		names = append(names, s.Name())
	}
	return nil, fmt.Errorf("kernels %q: this machine runs %s", name, strings.Join(names, ", "))
}
