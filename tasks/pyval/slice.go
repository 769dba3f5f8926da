package pyval

import "math/big"

func pick[T any](items []T, at []int) []T {
	out := make([]T, len(at))
	for i, j := range at {
		out[i] = items[j]
	}
	return out
}

// sliceOf gives run(lo, hi) where the step is 1, and else each(indices).
func sliceOf(length int, start, stop, step Value, run func(lo, hi int) Value, each func(at []int) Value) (Value, error) {
	lo, n, by, err := sliceBounds(length, start, stop, step)
	if err != nil {
		return nil, err
	}
	if by == 1 {
		return run(lo, lo+n), nil
	}
	at := make([]int, n)
	for i := range at {
		at[i] = lo + i*by
	}
	return each(at), nil
}

// sliceEnds is slice.indices: the first index, the one that ends the slice, and the step.
func sliceEnds(length int, start, stop, step Value) (lo, hi, by int, err error) {
	by = 1
	if step != nil {
		if by, err = sliceIndex(step); err != nil {
			return 0, 0, 0, err
		}
		if by == 0 {
			return 0, 0, 0, valueError("slice step cannot be zero")
		}
	}
	least, most := 0, length
	if by < 0 {
		least, most = -1, length-1
	}
	bound := func(v Value, missing int) (int, error) {
		if v == nil {
			return missing, nil
		}
		i, err := sliceIndex(v)
		if i < 0 {
			i += length
		}
		return min(max(i, least), most), err
	}
	first, last := least, most
	if by < 0 {
		first, last = most, least
	}
	if lo, err = bound(start, first); err != nil {
		return 0, 0, 0, err
	}
	hi, err = bound(stop, last)
	return lo, hi, by, err
}

// sliceBounds gives the first index of a slice, how many there are, and the step between them.
func sliceBounds(length int, start, stop, step Value) (lo, n, by int, err error) {
	lo, hi, by, err := sliceEnds(length, start, stop, step)
	if err != nil {
		return 0, 0, 0, err
	}
	switch {
	case by > 0 && lo < hi:
		n = (hi-lo-1)/by + 1
	case by < 0 && hi < lo:
		n = (lo-hi-1)/-by + 1
	default:
		lo = min(max(lo, 0), length)
	}
	return lo, n, by, nil
}

// sliceRange is a slice of a range, whose ends are those that the slice has before it is found empty.
func sliceRange(r Range, start, stop, step Value) (Value, error) {
	lo, hi, by, err := sliceEnds(int(r.Len()), start, stop, step)
	return Range{Start: r.At(int64(lo)), Stop: r.At(int64(hi)), Step: int64(by) * r.Step}, err
}

// farIndex is beyond every index, and far enough from the ends of int to be added to.
const farIndex = 1 << 40

func sliceIndex(v Value) (int, error) {
	if b, ok := v.(*big.Int); ok {
		return b.Sign() * farIndex, nil
	}
	n, ok := asInt(v)
	if !ok {
		if err := operandError(v); err != nil { // Python does not say which name it is
			return 0, typeError("slice indices must be integers or None: %v", err)
		}
		return 0, typeError("slice indices must be integers or None or have an __index__ method")
	}
	return int(min(max(n, -farIndex), farIndex)), nil
}
