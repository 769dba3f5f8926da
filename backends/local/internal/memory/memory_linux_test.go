package memory

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLinux(t *testing.T) {
	const meminfo = "MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:   800 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64 // -1 for unknown
		by    string
	}{
		{"nothing", nil, -1, ""},
		{"a machine", map[string]string{"proc/meminfo": meminfo}, 800 << 10, "machine"},
		{"version 2", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "500000\n", "sys/fs/cgroup/a/b/memory.current": "450000\n",
			"sys/fs/cgroup/a/b/memory.stat": "anon 1\ninactive_file 40000\n"}, 90_000, "/a/b"},
		{"version 2, limited above", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "300000\n", "sys/fs/cgroup/a/memory.current": "100000\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "5\n"}, 200_000, "group /a"},
		{"version 2 in a container", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "600000\n", "sys/fs/cgroup/memory.current": "700000\n"}, 0, "group /"},
		{"version 1", map[string]string{"proc/meminfo": meminfo,
			"proc/self/cgroup": "5:devices:/x\n4:cpu,memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes":   "400000\n",
			"sys/fs/cgroup/memory/x/memory.usage_in_bytes":   "100000\n",
			"sys/fs/cgroup/memory/x/memory.stat":             "total_inactive_file 50\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes":     "1\n",
			"sys/fs/cgroup/memory/x/memory.memsw.limit_in_b": "1\n"}, 300_050, "/x"},
		{"the host's path in a container", map[string]string{"proc/meminfo": meminfo,
			"proc/self/cgroup":                           "4:memory:/docker/0123\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "700000\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes": "0\n"}, 700_000, "group /"},
		{"no limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n",
			"sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/memory.current": "5\n"}, 800 << 10, "machine"},
		{"nonsense", map[string]string{"proc/meminfo": "MemAvailable: x\n", "proc/self/cgroup": "::\n\nx\n"}, -1, ""},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		got, ok := linux(root)
		if ok != (c.want >= 0) || ok && (got.Bytes != c.want || !strings.Contains(got.By, c.by)) {
			t.Errorf("%s: %+v, %v, want %d by %s", c.name, got, ok, c.want, c.by)
		}
	}
}

func TestNow(t *testing.T) {
	if got, ok := Now(); !ok || got.Bytes < 1<<20 || got.Bytes > 1<<50 {
		t.Errorf("%+v, %v", got, ok)
	}
}
