"""Renders templates with jinja2 as the cases here were: case(env, template, document, name) gives a line of a
.jsonl file. Made with CPython 3.11 and jinja2 3.1.6; run in a virtual environment, it is no part of onset."""
import datetime, json, re
from jinja2 import Environment, BaseLoader, StrictUndefined, nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment
import jinja2.exceptions

def regex_replace(string, pattern, repl, count=0):
    return re.sub(pattern, repl, string, count=count)
task = Environment(loader=BaseLoader(), undefined=StrictUndefined, keep_trailing_newline=True)
task.filters['regex_replace'] = regex_replace

class Gen(Extension):
    tags = {"generation"}
    def parse(self, parser):
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_g"), [], [], body).set_lineno(lineno)
    def _g(self, caller):
        return caller()

def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)
def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
NOW = datetime.datetime(2024, 7, 4, 9, 5, 7)
def strftime_now(format):
    return NOW.strftime(format)
chat = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Gen, 'jinja2.ext.loopcontrols'])
chat.filters['tojson'] = tojson
chat.globals['raise_exception'] = raise_exception
chat.globals['strftime_now'] = strftime_now
envs = {'task': task, 'chat': chat}

def case(env, tpl, doc, name=''):
    doc = {k: v for k, v in doc.items() if re.search(r'\b' + re.escape(k) + r'\b', tpl)}
    out = {'name': name, 'env': env, 'template': tpl, 'doc': doc}
    d = json.loads(json.dumps(doc))
    try:
        r = envs[env].from_string(tpl).render(**d)
        r.encode()
        if re.search(r' at 0x[0-9a-f]{6,}', r):
            out['error'] = 'TypeError: address'
        else:
            out['want'] = r
    except RecursionError:
        out['error'] = 'RecursionError'
    except Exception as e:
        out['error'] = type(e).__name__ + ': ' + str(e)
    return json.dumps(out, ensure_ascii=False)
