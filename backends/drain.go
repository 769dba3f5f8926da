package backends

import (
	"context"
	"errors"
)

// ErrDrained is the error of a request that was waiting for its turn, or to be tried again, when the run was told to end
// what is in flight and to start nothing more. Nothing was asked of the model for it since.
var ErrDrained = errors.New("not asked: the run is ending")

type drainKey struct{}

// WithDrain gives a context under which waits for a turn end, with ErrDrained, once drain is closed. Requests that were
// sent go on to their end: a drain loses no answer that is under way.
func WithDrain(ctx context.Context, drain <-chan struct{}) context.Context {
	if drain == nil {
		return ctx
	}
	return context.WithValue(ctx, drainKey{}, drain)
}

// Draining gives the channel that WithDrain put into ctx; nil, which never closes, where there is none.
func Draining(ctx context.Context) <-chan struct{} {
	drain, _ := ctx.Value(drainKey{}).(<-chan struct{})
	return drain
}
