package backends

import "time"

// Stats are a snapshot of what the policies around a model are doing, for progress displays and metrics.
type Stats struct {
	// Level is the number of requests that may be in flight now; 0 is no bound. Min and Max bound it, and are 0 where it
	// does not move.
	Level, Min, Max int
	// InFlight requests are with the model, Waiting ones wait for their turn. Where several processes share a limit, both
	// are those of this process and Shared is the number of processes.
	InFlight, Waiting, Shared int
	// Sent counts the calls made, of which Succeeded were answered, Refused were turned away by a limit or an overload
	// (KindRateLimit, KindOverloaded) and Failed ended otherwise.
	Sent, Succeeded, Refused, Failed int64
	// Retried counts the calls that tried a request again.
	Retried int64
	// ClosedUntil is when the next request may be sent where the server asked for a pause; zero where it did not.
	ClosedUntil time.Time
	// Reason says, in a few words, why the level last changed.
	Reason string
}

// StatsOf gives the state of the policies around b, and false where none of them keeps any.
func StatsOf(b Backend) (Stats, bool) {
	var out Stats
	found := false
	for b != nil {
		if s, ok := b.(interface{ addStats(*Stats) }); ok {
			s.addStats(&out)
			found = true
		}
		if s, ok := b.(interface{ Stats() Stats }); ok {
			retried := out.Retried
			out, found = s.Stats(), true
			out.Retried += retried
		}
		u, ok := b.(interface{ Unwrap() Backend })
		if !ok {
			break
		}
		b = u.Unwrap()
	}
	return out, found
}
