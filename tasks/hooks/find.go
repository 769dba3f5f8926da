package hooks

import "errors"

// Find gives the native equivalent of a function, or the function itself where an interpreter may run it. Without one,
// the error is a *MissingError. A function that scores is found wherever its source defines it: its equivalent is for the
// evaluators to know.
func Find(kind Kind, c Call) (*Found, error) {
	found, err := findNative(kind, c)
	var missing *MissingError
	if err == nil {
		found.Remote = c.remote()
		return found, nil
	}
	if !errors.As(err, &missing) {
		return nil, err
	}
	out := &Found{Kind: kind, File: c.File, Function: c.Name, Digest: missing.Digest}
	if f, ok := ofDocument(kind, c, missing.Digest); ok && missing.Err == nil {
		out.Func = f
		return out, nil
	}
	if out.Remote = c.remote(); out.Remote != nil {
		out.Func = c.Python.funcs(kind, c)
		return out, nil
	}
	return nil, err
}

// remote gives the function in the interpreter; nil without one.
func (c Call) remote() *Remote {
	if c.Python == nil || c.Path == "" {
		return nil
	}
	return &Remote{c.Python, c.Path, c.Name}
}
