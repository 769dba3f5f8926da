package gpu

// TileProduct is what the tests of the kernels call to choose the tile.
func (o *Ops) TileProduct(t Tile, p LtProblem, bias Ptr) { o.tileProduct(t, p, bias) }

// OwnTile is the kernel that serves a product, where cuBLASLt does not.
func (o *Ops) OwnTile(p LtProblem) Tile { return o.tile(p) }

// AddBiasTo is the pass that follows a product by cuBLASLt.
func (o *Ops) AddBiasTo(p LtProblem, bias Ptr) { o.addBias(p, bias) }

// MixedTokens is the bound between the libraries where both are used.
const MixedTokens = mixedTokens
