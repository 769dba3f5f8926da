package adaptive

import "errors"

// Share names a limit that processes share.
type Share struct{ Name string }

var errNoSharing = errors.New("no sharing")

func newShared(Options) (pool, error) { return nil, errNoSharing }
