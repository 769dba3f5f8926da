//go:build !race

package adaptive_test

// underRace says that the race detector watches.
const underRace = false
