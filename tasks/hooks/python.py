# Calls functions of task files for onset, a request a line on stdin and an answer a line on stdout.
import importlib.util, json, math, os, sys, traceback

out, sys.stdout = sys.stdout, sys.stderr  # what functions print is no answer
modules = {}


class Rows(list):
    """Documents with the methods of datasets.Dataset that task files use."""

    def map(self, function, **_):
        return Rows({**row, **(function(dict(row)) or {})} for row in self)

    def filter(self, function, **_):
        return Rows(row for row in self if function(row))

    def select(self, indices):
        return Rows(self[i] for i in indices)

    def __getitem__(self, key):
        if isinstance(key, str):
            return [row[key] for row in self]
        return list.__getitem__(self, key)

    @property
    def column_names(self):
        return list(self[0]) if self else []


def dataset(rows):
    try:
        import datasets
    except ImportError:
        return Rows(rows)
    return datasets.Dataset.from_list(rows)


def load(path):
    if path not in modules:
        folder = os.path.dirname(path)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location("onset_hook_%d" % len(modules), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        modules[path] = module
    return modules[path]


def plain(v):
    """Only what Python writes as a literal."""
    if hasattr(v, "tolist") and not isinstance(v, (str, bytes)):
        v = v.tolist()
    if isinstance(v, dict):
        return {k: plain(e) for k, e in v.items()}
    if isinstance(v, tuple):
        return tuple(plain(e) for e in v)
    if isinstance(v, (list, set, frozenset)) or hasattr(v, "__next__"):
        return [plain(e) for e in v]
    if isinstance(v, float) and not math.isfinite(v):
        raise ValueError("the value %r cannot be passed on" % v)
    return v


def call(path, name, how, args):
    f = getattr(load(path), name)
    if how == "docs":
        return [dict(row) for row in f(dataset(args[0]))]
    if how == "splits":
        return {split: [dict(row) for row in rows] for split, rows in f(**args[0]).items()}
    if how == "metric":
        return f(references=args[0], predictions=args[1], **args[2])
    if how == "filter":
        return (f(**args[2]).apply if isinstance(f, type) else f)(args[0], args[1])
    return f(*args)


for line in sys.stdin:
    request = json.loads(line)
    try:
        names = {"__builtins__": {}, "inf": math.inf, "nan": math.nan}
        value = call(request["path"], request["name"], request["how"], eval(request["args"], names))
        if isinstance(value, float) and not math.isfinite(value):
            answer = {"float": repr(value)}
        else:
            answer = {"value": repr(plain(value))}
    except BaseException as e:
        answer = {"error": "%s: %s" % (type(e).__name__, e), "trace": traceback.format_exc()}
        if isinstance(e, KeyboardInterrupt):
            raise
    out.write(json.dumps(answer) + "\n")
    out.flush()
