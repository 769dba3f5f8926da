package gpu

// LtProblem is one matrix product of cuBLASLt: y[i·LdY+j] = Σ x[i·LdX+c]·w[j·K+c] over c < K, for i < M and j < N, summed in
// float32. X and W are T, Y is T or, where YFloat32, float32.
type LtProblem struct {
	X, W, Y  Ptr
	M, N, K  int
	LdX, LdY int // elements between rows, LdX ≥ K and LdY ≥ N
	T        DType
	YFloat32 bool
}

// Lt is the vendor's matrix products. For one (N, K, T, YFloat32) the algorithm is the same for every M, with no split of K
// and a fixed workspace, so that a row's result does not depend on M.
type Lt interface {
	// Version returns the library's version as the header of a run names it: cublasLt 13.1.0.
	Version() string
	// Matmul enqueues a product in s.
	Matmul(p LtProblem, s Stream) error
	// Algorithms returns the pinned algorithms so far, one text a shape, in the order of first use.
	Algorithms() []string
}

// LtRejecter is an Lt that can pin another algorithm for a shape.
type LtRejecter interface {
	// Reject drops the algorithm that is pinned for the shape of p, which failed a check, and pins the next that the library
	// proposes. It returns false where there is none; the last then stays pinned.
	Reject(p LtProblem) bool
}
