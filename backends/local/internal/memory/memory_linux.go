package memory

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

func available() (Available, bool) { return linux(os.DirFS("/")) }

// linux reads what the kernel tells below the root of a file system.
func linux(root fs.FS) (Available, bool) {
	best := Available{Bytes: -1}
	if n, ok := fields(root, "proc/meminfo")["MemAvailable:"]; ok {
		best = Available{n << 10, "the machine's free memory"}
	}
	for _, g := range groups(root) {
		if n, ok := g.left(root); ok && (best.Bytes < 0 || n < best.Bytes) {
			best = Available{n, "the memory limit of control group " + g.name}
		}
	}
	return best, best.Bytes >= 0
}

// group is a control group that the process is in.
type group struct {
	dir, name string
	v2        bool
}

// groups lists the process's memory control groups with those above them.
func groups(root fs.FS) []group {
	data, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var all []group
	for line := range strings.Lines(string(data)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		mount, v2 := "", part[0] == "0"
		switch {
		case v2:
			mount = "sys/fs/cgroup"
		case hasName(part[1], "memory"):
			mount = "sys/fs/cgroup/memory"
		default:
			continue
		}
		// Inside of a container the path may be the host's, and the container's own group the mount itself: groups
		// that are not there are passed over.
		for p := path.Clean("/" + part[2]); ; p = path.Dir(p) {
			all = append(all, group{dir: path.Join(mount, p), name: p, v2: v2})
			if p == "/" {
				break
			}
		}
	}
	return all
}

func hasName(list, name string) bool {
	for n := range strings.SplitSeq(list, ",") {
		if n == name {
			return true
		}
	}
	return false
}

// left is what the group may still take: its limit less what it holds, but for file pages that the kernel takes back
// when they are needed.
func (g group) left(root fs.FS) (int64, bool) {
	names := [3]string{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
	if g.v2 {
		names = [3]string{"memory.max", "memory.current", "inactive_file"}
	}
	limit, ok := number(root, path.Join(g.dir, names[0]))
	used, ok2 := number(root, path.Join(g.dir, names[1]))
	if !ok || !ok2 || limit > math.MaxInt64/2 { // version 1 writes "none" as a huge number
		return 0, false
	}
	return max(0, limit-used+fields(root, path.Join(g.dir, "memory.stat"))[names[2]]), true
}

func number(root fs.FS, name string) (int64, bool) {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n, err == nil && n >= 0
}

// fields reads lines of a name and a number.
func fields(root fs.FS, name string) map[string]int64 {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return nil
	}
	all := make(map[string]int64)
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if n, err := strconv.ParseInt(f[1], 10, 64); err == nil {
			all[f[0]] = n
		}
	}
	return all
}
