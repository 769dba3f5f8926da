package backends

// Scale says how large a model is and how much it was trained. A zero field is unknown.
type Scale struct {
	// Params counts parameters. Whether embeddings are in is the family's convention; the ladder file says.
	Params float64 `json:"params,omitempty"`
	// NonEmbedding counts those parameters that are in neither an embedding nor the head, where that is known.
	NonEmbedding float64 `json:"params_non_embedding,omitempty"`
	// TrainTokens counts the tokens that the model was trained on.
	TrainTokens float64 `json:"train_tokens,omitempty"`
	// TrainFLOPs is the training compute; 6·Params·TrainTokens where it is not given (Kaplan et al. 2020,
	// arXiv 2001.08361, section 2.1).
	TrainFLOPs float64 `json:"train_flops,omitempty"`
	// Loss is the pre-training loss in nats a token on the family's held-out text.
	Loss float64 `json:"loss,omitempty"`
}

// Model is one model to be measured: a name, a reference that a backend opens, and its scale.
type Model struct {
	Name   string `json:"name"`
	Family string `json:"family,omitempty"`
	Ref    Ref    `json:"ref"`
	Scale  Scale  `json:"scale,omitzero"`
	// Axis is the scale on which the family is ordered, one of Axes; "" is AxisParams.
	Axis string `json:"axis,omitempty"`
	// Count says which parameters are Scale.Params where the ladder file gives none and they are counted: one of Counts,
	// "" being CountAll.
	Count string `json:"count,omitempty"`
	// BaseURL and Args are passed to the backend's opener.
	BaseURL string            `json:"base_url,omitempty"`
	Args    map[string]string `json:"args,omitempty"`
}

// What is counted as a model's parameters. Families differ: Pythia's papers and Kaplan et al. 2020 (arXiv 2001.08361, section
// 2.1) leave out embeddings and head, most names of models do not.
const (
	CountAll          = "all"
	CountNonEmbedding = "non_embedding"
)

// Counts lists the ways to count.
var Counts = [...]string{CountAll, CountNonEmbedding}

// Counted is the model with the parameters that its backend counted where the ladder file gives none.
func (m Model) Counted(info Info) Model {
	if m.Scale.Params == 0 {
		m.Scale.Params = float64(info.Params)
		if m.Count == CountNonEmbedding {
			m.Scale.Params = float64(info.ParamsNonEmbedding)
		}
	}
	if m.Scale.NonEmbedding == 0 {
		m.Scale.NonEmbedding = float64(info.ParamsNonEmbedding)
	}
	return m
}
