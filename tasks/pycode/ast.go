package pycode

import "github.com/onset-eval/onset/tasks/pyval"

// expr is an expression.
type expr interface {
	eval(f *frame) (pyval.Value, error)
}

// stmt is a statement; exec says how the block goes on behind it.
type stmt interface {
	exec(f *frame) (flow, error)
}

// flow is how a block goes on.
type flow int

const (
	flowNext flow = iota
	flowBreak
	flowContinue
	flowReturn
)

// at is a place in the source.
type at struct{ line int }

type (
	constant struct{ value pyval.Value }
	nameExpr struct {
		at
		name string
	}
	attrExpr struct {
		at
		of   expr
		name string
	}
	indexExpr struct {
		at
		of, key expr
	}
	sliceExpr struct{ start, stop, step expr } // a key; nil for what is left out
	callExpr  struct {
		at
		fn   expr
		args []argument
	}
	// argument is one of a call: positional, named, *spread or **spread.
	argument struct {
		name  string
		value expr
		stars int
	}
	unaryExpr struct {
		op    string
		value expr
	}
	binaryExpr struct {
		at
		op          string
		left, right expr
	}
	boolExpr struct { // and, or
		and    bool
		values []expr
	}
	compareExpr struct {
		at
		first expr
		ops   []string
		rest  []expr
	}
	condExpr struct{ cond, yes, no expr }
	listExpr struct {
		kind  byte // '[', '(' or '{', the last for a set
		items []expr
	}
	starExpr struct{ value expr }
	dictExpr struct{ keys, values []expr } // a nil key spreads its value
	compExpr struct {
		kind       byte // '[', '(' for a generator, '{' for a set, ':' for a dictionary
		key, value expr // key of a dictionary alone
		loops      []compLoop
	}
	compLoop struct {
		target expr
		over   expr
		conds  []expr
	}
	lambdaExpr struct {
		params params
		body   expr
	}
	formatExpr struct{ parts []formatPart }
	formatPart struct {
		text       string
		value      expr // nil for text
		conversion byte // 's', 'r', 'a' or 0
		spec       *formatExpr
	}
	walrusExpr struct {
		name  string
		value expr
	}
	yieldExpr struct {
		value expr
		from  bool
	}
)

type (
	exprStmt   struct{ value expr }
	assignStmt struct {
		at
		targets []expr
		value   expr
	}
	augmentStmt struct {
		at
		target expr
		op     string
		value  expr
	}
	ifStmt struct {
		cond    expr
		yes, no []stmt
	}
	forStmt struct {
		at
		target, over expr
		body, other  []stmt
	}
	whileStmt struct {
		cond        expr
		body, other []stmt
	}
	tryStmt struct {
		body     []stmt
		handlers []handler
		other    []stmt
		finally  []stmt
	}
	handler struct {
		class expr // nil for all
		name  string
		body  []stmt
	}
	withStmt struct {
		at
		items []withItem
		body  []stmt
	}
	withItem   struct{ value, target expr }
	returnStmt struct{ value expr }
	raiseStmt  struct {
		at
		value expr
	}
	assertStmt struct {
		at
		cond, msg expr
	}
	flowStmt  struct{ flow flow } // break, continue
	scopeStmt struct {            // global, nonlocal
		names    []string
		nonlocal bool
	}
	deleteStmt struct {
		at
		targets []expr
	}
	importStmt struct {
		at
		from  string // the module of "from MODULE import"; "" for a plain import
		level int    // dots before it
		names []importName
	}
	importName struct{ name, as string }
	defStmt    struct {
		at
		name       string
		params     params
		body       []stmt
		decorators []expr
		generator  bool
	}
	classStmt struct {
		at
		name       string
		bases      []expr
		body       []stmt
		decorators []expr
	}
)

// params are a function's parameters.
type params struct {
	list     []param
	varargs  string // *NAME; "" for none
	keywords string // **NAME; "" for none
}

type param struct {
	name    string
	value   expr // the default; nil for none
	keyword bool // can only be named
}
