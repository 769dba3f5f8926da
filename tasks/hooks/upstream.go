package hooks

// UpstreamError says that lm-evaluation-harness fails in the same place: the task is broken as it is written.
type UpstreamError struct {
	Err error // what is wrong
}

func (e *UpstreamError) Error() string { return e.Err.Error() + "; lm_eval fails on it too" }

func (e *UpstreamError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *UpstreamError) Hint() string { return "leave the task out, or mend its file" }
