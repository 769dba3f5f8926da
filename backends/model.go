package backends

// Scale says how large a model is and how much it was trained. A zero field is unknown.
type Scale struct {
	// Params counts parameters. Whether embeddings are in is the family's convention; the ladder file says.
	Params float64 `json:"params,omitempty"`
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
	// BaseURL and Args are passed to the backend's opener.
	BaseURL string            `json:"base_url,omitempty"`
	Args    map[string]string `json:"args,omitempty"`
}
