// Package memory tells how much memory the process may still take, so that what cannot fit is refused before it is
// begun: the machine's free memory, and what is left of the limits of the process's control groups (Linux, version 1
// and 2), as containers have them.
package memory

import "fmt"

// Available is memory in bytes that can be taken without swapping, and what says so.
type Available struct {
	Bytes int64
	// By names what bounds it, for people: "the machine's free memory", "the memory limit of control group /x".
	By string
}

// Now tells what is available; ok is false on a system where it is not known.
func Now() (a Available, ok bool) { return available() }

// Text writes bytes for people, as "1.5 GiB".
func Text(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
	default:
		return fmt.Sprintf("%.0f KiB", float64(bytes)/(1<<10))
	}
}
