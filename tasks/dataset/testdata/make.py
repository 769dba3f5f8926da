"""Writes golden/: small data files, and beside each folder's data the rows that `datasets` reads from it.

Run in an environment outside of the tree, from the folder of this file:

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install datasets==5.2.0 pandas==3.1.1 pyarrow==26.0.1
    /tmp/venv/bin/python make.py

Each case is a folder: case.json holds the arguments of load_dataset, and expected.txt the repr of the rows,
with a line "# split" before each split. Values that onset holds as text (dates, decimals) are written as
str gives them.
"""
import csv, datetime, decimal, gzip, json, os, shutil, subprocess, tempfile

os.environ["HF_HOME"] = tempfile.mkdtemp()
os.environ["HF_DATASETS_OFFLINE"] = "1"
import datasets, pyarrow as pa, pyarrow.parquet as pq

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
shutil.rmtree(HERE, ignore_errors=True)


def plain(v):
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if v is None or isinstance(v, (bool, int, float, str)):
        return v
    return str(v)


def case(case_name, files, path=None, **kwargs):
    """files maps a name to text, bytes or a function that writes the file. path None is the folder itself."""
    at = os.path.join(HERE, case_name)
    for f, content in files.items():
        f = os.path.join(at, f)
        os.makedirs(os.path.dirname(f), exist_ok=True)
        if callable(content):
            content(f)
        else:
            with open(f, "wb") as w:
                w.write(content if isinstance(content, bytes) else content.encode())
    os.chdir(at)
    out = []
    cache = tempfile.mkdtemp()
    try:
        found = datasets.load_dataset(path or at, cache_dir=cache, **kwargs)
        for split, rows in found.items():
            out.append(f"# {split}")
            out += [repr(plain(r)) for r in rows]
    except Exception as e:
        print("ERROR", case_name, type(e).__name__, str(e)[:300], repr(e.__cause__)[:300])
        raise
    finally:
        shutil.rmtree(cache)
    with open(os.path.join(at, "case.json"), "w") as w:
        json.dump({"path": path, **kwargs}, w)
        w.write("\n")
    with open(os.path.join(at, "expected.txt"), "w") as w:
        w.write("\n".join(out) + "\n")


def lines(*rows):
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)


# JSON
case("json_missing", {"test.jsonl": lines({"a": 1, "b": "x"}, {"b": None, "a": 2}, {"c": {"y": 1}}, {"c": {"z": [1, 2.5], "y": 2}})})
case("json_float", {"train.jsonl": lines({"a": 1, "n": [1, 2]}, {"a": 2.5, "n": [0.5]}, {"a": None, "n": []})})
case("json_dates", {"train.jsonl": lines({"a": "2020-01-02", "b": "2020-01-02 03:04:05", "c": "2020-01-02T03:04:05", "d": "2020", "e": "2020-01-02", "f": "2020-01-02 03:04:05.25", "g": "2020-01-02T03:04:05Z", "h": "2020-01-02 03:04"},
                                         {"a": "1999-12-31", "b": None, "c": "1969-12-31", "d": "2021", "e": "no date", "f": "2020-01-02", "g": "2020-01-02T03:04:05Z", "h": "2020-01-02 03:05"})})
case("json_strings", {"train.jsonl": lines({"a": "1", "b": "true", "c": "null"}, {"a": "2", "b": "false", "c": "nan"})})
case("json_mixed", {"train.jsonl": lines({"a": 1, "b": [1, "x"]}, {"a": "x", "b": [None]})})
case("json_mixed_bool", {"train.jsonl": lines({"a": True}, {"a": 2}, {"a": None})})
case("json_list_of_struct", {"train.jsonl": lines({"m": [{"role": "user", "content": "é"}, {"content": "y"}]}, {"m": None}, {"m": [None, {"role": "x", "extra": 1}]})})
case("json_array", {"test.json": json.dumps([{"a": 1, "b": "1"}, {"a": 2, "b": "007", "c": [1]}], indent=1)})
case("json_field", {"x.json": json.dumps({"version": 1, "data": [{"q": "a", "n": 1}, {"n": 2, "q": "b"}]})}, path="json", data_files={"test": "x.json"}, field="data")
case("json_gz", {"train.jsonl.gz": gzip.compress(lines({"a": 1}, {"a": 2}).encode(), mtime=0)})
case("json_empty", {"train.jsonl": lines({"a": [], "b": {}, "c": None}, {"a": [], "b": {}, "c": None})})

# CSV
case("csv_types", {"train.csv": "i,f,b,s,n,m,q,e,k\n1,1.5,True,x,,1,\"1\",1e5,007\n-2,2,false,NA,NA,,\"2\",.5, 8\n+3,-inf,TRUE,\"a \"\"b\"\"\n c\",null,3,\"\",1.,9\n"})
case("csv_bools", {"train.csv": "a,b,c\nTrue,true,True\n,x,1\nFalse,false,False\n"})
case("csv_floats", {"train.csv": "f\n0.1\n123456789.123456789\n1.7976931348623157e308\n2.2250738585072014e-308\n3.14159265358979323846264338327950288\n1e-5\n0.30000000000000004\n9007199254740993.5\n1E5\n-0.0\n5e-324\n"})
case("csv_header", {"x.csv": "1,a\n2,b\n"}, path="csv", data_files="x.csv", column_names=["n", "t"])
case("csv_header_none", {"x.csv": "1,a\n2,b\n"}, path="csv", data_files="x.csv", header=None)
case("csv_header_replace", {"x.csv": "p,q\n1,a\n2,b\n"}, path="csv", data_files="x.csv", column_names=["n", "t"], header=0)
case("csv_sep", {"x.txt": "#c\nn;t\n1;a,b\n2;'c;d'\n"}, path="csv", data_files=["x.txt"], sep=";", skiprows=1, quotechar="'")
case("csv_short", {"train.csv": "a,a,,b\n1,2\n\n  \n3,4,5,6\r\n\"x\"y,z\"w,\"q\nr\",1\r7,8,9,\n"})
case("csv_na", {"x.csv": "a,b\nNA,1\nx,\n"}, path="csv", data_files="x.csv", keep_default_na=False)
case("tsv", {"dev.tsv": "a\tb\n1\t\"x\ty\"\n2\tz\n", "train.tsv": "a\tb\n3\tw\n"})
case("csv_shards", {"data/test/b.csv": "a\n2\n", "data/test/a.csv": "a\n1\n", "data/train/0.csv": "a\n9\n"})
case("csv_bigint", {"train.csv": "a,b\n9223372036854775807,1\n-9223372036854775808,9223372036854775808.5\n"})

# text
case("text", {"train.txt": "a\r\n\nb\x0cc\nlast"})
case("text_paragraph", {"x.txt": "a\nb\n\nc\n\n\nd\n"}, path="text", data_files={"validation": "x.txt"}, sample_by="paragraph")
case("text_document", {"x.txt": "a\nb\n"}, path="text", data_files="x.txt", sample_by="document")

# columnar
UTC = datetime.timezone.utc
columns = {
    "i8": pa.array([1, None, -3], pa.int8()),
    "u32": pa.array([1, 2, 4294967295], pa.uint32()),
    "u64": pa.array([1, 2, 3], pa.uint64()),
    "f16": pa.array([1.5, None, 0.1], pa.float16()),
    "f32": pa.array([1.5, 0.1, None], pa.float32()),
    "f64": pa.array([0.1, float("inf"), None], pa.float64()),
    "bool": pa.array([True, None, False]),
    "str": pa.array(["é", "", None]),
    "lstr": pa.array(["a", "b", None], pa.large_string()),
    "dict": pa.array(["x", "y", "x"]).dictionary_encode(),
    "ts_s": pa.array([0, 1600000000, None], pa.timestamp("s")),
    "ts_us": pa.array([1, 1600000000123456, None], pa.timestamp("us")),
    "ts_ms_tz": pa.array([1, -1, None], pa.timestamp("ms", "UTC")),
    "ts_ns": pa.array([1, 1600000000123456000, None], pa.timestamp("ns")),
    "d32": pa.array([0, 18000, None], pa.date32()),
    "t32": pa.array([1, 86399, None], pa.time32("s")),
    "t64": pa.array([1, 86399000001, None], pa.time64("us")),
    "dec": pa.array([decimal.Decimal("1.50"), decimal.Decimal("-0.05"), None], pa.decimal128(10, 2)),
    "dec38": pa.array([decimal.Decimal("12345678901234567890123456789.123456789"), decimal.Decimal("-1E-9"), None], pa.decimal128(38, 9)),
    "list": pa.array([[1, 2], [], None], pa.list_(pa.int64())),
    "nested": pa.array([[["a"], []], [None], [["b", None]]], pa.list_(pa.list_(pa.string()))),
    "fixed": pa.array([[1, 2], [3, 4], [5, None]], pa.list_(pa.int32(), 2)),
    "struct": pa.array([{"x": 1, "y": "a"}, {"x": None, "y": "b"}, None], pa.struct([("x", pa.int32()), ("y", pa.string())])),
    "sos": pa.array([{"text": ["a", "b"], "start": [1, 2]}, {"text": [], "start": []}, None], pa.struct([("text", pa.list_(pa.string())), ("start", pa.list_(pa.int32()))])),
    "los": pa.array([[{"x": 1, "y": ["p"]}, {"x": 2, "y": []}], [], None], pa.list_(pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))]))),
    "null": pa.array([None, None, None], pa.null()),
    "deep": pa.array([[[{"a": [1]}]], [[]], [[{"a": []}, None]]], pa.list_(pa.list_(pa.struct([("a", pa.list_(pa.int64()))])))),
}
table = pa.table(columns)
def parquet(t, **kw):
    return lambda f: pq.write_table(t, f, **kw)
def stream(t, **kw):
    def write(f):
        with pa.OSFile(f, "wb") as s, pa.ipc.new_stream(s, t.schema, **kw) as w:
            w.write_table(t, max_chunksize=2)
    return write
def arrowfile(t):
    def write(f):
        with pa.OSFile(f, "wb") as s, pa.ipc.new_file(s, t.schema) as w:
            w.write_table(t)
    return write
names = [n for n in columns if n != "f16"]
case("parquet_types", {"data/test-00000-of-00001.parquet": parquet(table.select(names))})
case("parquet_zstd_v2", {"test.parquet": parquet(table.select(["str", "list", "los", "dict"]), compression="zstd", data_page_version="2.0", use_dictionary=False)})
case("parquet_delta", {"test.parquet": parquet(table.select(["i8", "str", "bool"]), compression="gzip", use_dictionary=False, column_encoding={"i8": "DELTA_BINARY_PACKED", "str": "DELTA_BYTE_ARRAY"}) })
case("parquet_int96", {"train.parquet": parquet(table.select(["ts_us"]), use_deprecated_int96_timestamps=True)})
case("parquet_groups", {"data/train-00000-of-00002.parquet": parquet(pa.table({"i": list(range(25)), "l": [[str(j) for j in range(i % 4)] for i in range(25)]}), row_group_size=10), "data/train-00001-of-00002.parquet": parquet(pa.table({"i": [25, 26], "l": [["x"], None]}))})
case("arrow_types", {"test.arrow": stream(table)})
case("arrow_dict", {"train.arrow": stream(pa.table({"d": pa.chunked_array([pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", None]).dictionary_encode()])}))})
case("arrow_lz4", {"train.arrow": stream(table.select(["str", "list"]), options=pa.ipc.IpcWriteOptions(compression="lz4"))})
case("arrow_zstd", {"train.arrow": stream(table.select(["str", "list"]), options=pa.ipc.IpcWriteOptions(compression="zstd"))})
case("arrow_file", {"train.arrow": arrowfile(table.select(["str", "list", "los"]))})

# repositories
README = "---\nconfigs:\n- config_name: main\n  default: true\n  data_files:\n  - split: test\n    path: main/t*.jsonl\n  - split: train\n    path: [main/a.jsonl, main/b.jsonl]\n- config_name: other\n  data_files: other/*.jsonl\n- config_name: dir\n  data_dir: d\n---\n# text\n"
repo = {"README.md": README, "main/test.jsonl": lines({"a": 1}), "main/a.jsonl": lines({"a": 2}), "main/b.jsonl": lines({"a": 3}), "other/x.jsonl": lines({"c": 1}), "d/dev.jsonl": lines({"d": 1}), "d/test.jsonl": lines({"d": 2})}
case("readme_default", repo)
case("readme_other", repo, name="other")
case("readme_dir", repo, name="dir")
case("readme_csv", {"README.md": "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: test\n    path: x.csv\n  sep: ';'\n---\n", "x.csv": "p;q\n1;2\n"})
case("split_words", {"x_train.jsonl": lines({"a": 1}), "sub/evaluation-1.jsonl": lines({"a": 2}), "my.valid.jsonl": lines({"a": 3}), "config.json": "{}", ".hidden/test.jsonl": lines({"a": 9})})
case("split_none", {"b.jsonl": lines({"a": 2}), "a.jsonl": lines({"a": 1}), "README.md": "# plain\n"})
case("split_shards", {"data/fewshot-00000-of-00001.parquet": parquet(pa.table({"a": [1]})), "data/test-00000-of-00001-abc.parquet": parquet(pa.table({"a": [2]})), "data/other.csv": "a\n1\n"})
case("classlabel", {"README.md": "---\ndataset_info:\n  features:\n  - name: t\n    dtype: string\n  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': neg\n          '1': pos\n---\n", "train.csv": "t,label\na,pos\nb,neg\n"})
case("data_files_split", {"x/a.jsonl": lines({"a": 1}), "x/b.jsonl": lines({"a": 2})}, path="json", data_files={"test": ["x/b.jsonl", "x/a*"], "dev": "x/?.jsonl"})
case("data_dir", {"en/test.jsonl": lines({"a": 1}), "fr/test.jsonl": lines({"a": 2})}, data_dir="fr")

# the cache of `datasets`, under the names that it gives a repository of the hub
at = os.path.join(HERE, "..", "datasets_cache")
shutil.rmtree(at, ignore_errors=True)
cache = tempfile.mkdtemp()
os.chdir(HERE)
found = datasets.load_dataset(os.path.join(HERE, "classlabel"), cache_dir=cache)
folder = os.path.dirname(found["train"].cache_files[0]["filename"])
to = os.path.join(at, "org___labels", "default", "0.0.0", "0123456789012345678901234567890123456789")
os.makedirs(to)
for f in sorted(os.listdir(folder)):
    if f.endswith(".arrow"):
        shutil.copy(os.path.join(folder, f), os.path.join(to, "labels-train.arrow"))
info = json.load(open(os.path.join(folder, "dataset_info.json")))
for key in ("download_checksums", "splits"):
    info.pop(key, None)
json.dump({"builder_name": "csv", "dataset_name": "labels", "config_name": "default", "version": info["version"],
           "features": info["features"], "splits": {"train": {"name": "train", "num_examples": 2, "dataset_name": "labels"}}},
          open(os.path.join(to, "dataset_info.json"), "w"))
# bytes, which onset refuses
at = os.path.join(HERE, "..", "binary")
os.makedirs(at, exist_ok=True)
bytes_table = pa.table({"a": [1], "b": pa.array([b"\xff"])})
parquet(bytes_table)(os.path.join(at, "test.parquet"))
stream(bytes_table)(os.path.join(at, "test.arrow"))
print("done", len(os.listdir(HERE)), "cases")
