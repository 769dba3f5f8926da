package pycode

import (
	"io/fs"
	"path"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// openFile is open for reading, of a file in the folder of tasks.
func openFile(c *Call, a []pyval.Value) (pyval.Value, error) {
	name, err := needText(a[0])
	if err != nil {
		return nil, err
	}
	name = path.Clean(name)
	if mode := pyval.Str(Or(a[1], "r")); strings.Trim(mode, "rt") != "" || !fs.ValidPath(name) {
		return nil, unsupported("open of %s, which is no text of the folder of tasks that is read,", name)
	}
	text, ok := c.in.loader.Read(name)
	if !ok {
		return nil, pyval.Errorf("FileNotFoundError", "[Errno 2] No such file or directory: %s", pyval.Repr(name))
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	lines := func() pyval.Value { return texts(strings.SplitAfter(text, "\n")) }
	return moduleOf("TextIOWrapper", map[string]pyval.Value{"__enter__": nothing},
		NewFunc("read", nil, func(*Call, []pyval.Value) (pyval.Value, error) { return text, nil }),
		NewFunc("readlines", nil, func(*Call, []pyval.Value) (pyval.Value, error) { return lines(), nil }),
		NewFunc("close", nil, func(*Call, []pyval.Value) (pyval.Value, error) { return nil, nil })), nil
}

// texts makes a list; an empty text at the end, behind the last line's break, is none.
func texts(parts []string) *pyval.Array {
	out := &pyval.Array{}
	for i, p := range parts {
		if p != "" || i < len(parts)-1 {
			out.Items = append(out.Items, p)
		}
	}
	return out
}

// osModule is os without the machine: paths are texts, and the environment is empty.
func osModule() *Namespace {
	return moduleOf("os", map[string]pyval.Value{"path": pathModule(), "environ": new(pyval.Dict), "sep": "/"},
		NewFunc("getenv", []string{"key", "default?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return Or(a[1], nil), nil }))
}

func pathModule() *Namespace {
	text := func(name string, fn func(string) pyval.Value) *Func {
		return NewFunc(name, []string{"path"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			s, err := needText(a[0])
			return fn(s), err
		})
	}
	folder := func(s string) string {
		i := strings.LastIndexByte(s, '/')
		return strings.TrimRight(s[:i+1], "/")
	}
	return moduleOf("posixpath", nil,
		NewFunc("join", []string{"*parts"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			out := ""
			for _, p := range a[0].(pyval.Tuple) {
				s, err := needText(p)
				switch {
				case err != nil:
					return nil, err
				case out == "" || strings.HasPrefix(s, "/"):
					out = s
				default:
					out = strings.TrimSuffix(out, "/") + "/" + s
				}
			}
			return out, nil
		}),
		text("dirname", func(s string) pyval.Value { return folder(s) }),
		text("basename", func(s string) pyval.Value { return s[strings.LastIndexByte(s, '/')+1:] }),
		text("abspath", func(s string) pyval.Value { return path.Clean(s) }),
		text("realpath", func(s string) pyval.Value { return path.Clean(s) }),
		text("splitext", func(s string) pyval.Value { e := path.Ext(s); return pyval.Tuple{strings.TrimSuffix(s, e), e} }),
		text("split", func(s string) pyval.Value { return pyval.Tuple{folder(s), s[strings.LastIndexByte(s, '/')+1:]} }),
		NewFunc("exists", []string{"path"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			s, err := needText(a[0])
			if err != nil || !fs.ValidPath(path.Clean(s)) {
				return false, err
			}
			_, ok := c.in.loader.Read(path.Clean(s))
			return ok, nil
		}))
}

func sysModule() *Namespace {
	return moduleOf("sys", map[string]pyval.Value{"maxunicode": int64(0x10ffff), "maxsize": int64(1<<63 - 1)},
		NewFunc("exit", []string{"status?"}, func(*Call, []pyval.Value) (pyval.Value, error) {
			return nil, pyval.Errorf("SystemExit", "the function ends the program")
		}))
}
