package hooks

import "errors"

// Find gives the native equivalent of a function, or else the function itself: in Python where the user asked for that,
// or as package pycode interprets its source. Where there is neither, or an equivalent of another source, the error is a
// *MissingError. A function that scores is found wherever its source defines it: its equivalent is for the evaluators to
// know.
func Find(kind Kind, c Call) (*Found, error) {
	found, err := findNative(kind, c)
	var missing *MissingError
	if err == nil {
		found.Remote = c.remote()
		if kind.Scores() {
			found.Code = c.code()
		}
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
	if missing.Changed {
		return nil, err
	}
	f, ok, codeErr := c.interpreted(kind)
	if codeErr != nil {
		missing.Err = codeErr
	}
	if !ok || codeErr != nil {
		return nil, err
	}
	out.Func, out.Interpreted = f, true
	return out, nil
}

// remote gives the function in the interpreter; nil without one.
func (c Call) remote() *Remote {
	if c.Python == nil || c.Path == "" {
		return nil
	}
	return &Remote{caller: c.Python, path: c.Path, name: c.Name}
}
