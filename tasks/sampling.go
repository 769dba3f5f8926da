package tasks

import "github.com/onset-eval/onset/backends"

// SamplingPatch changes how text is generated; a nil field changes nothing.
type SamplingPatch struct {
	MaxTokens   *int      `json:"max_tokens,omitempty"`
	Temperature *float64  `json:"temperature,omitempty"`
	TopP        *float64  `json:"top_p,omitempty"`
	TopK        *int      `json:"top_k,omitempty"`
	MinP        *float64  `json:"min_p,omitempty"`
	Stop        *[]string `json:"stop,omitempty"`
}

// Apply gives s with the changes.
func (p SamplingPatch) Apply(s backends.Sampling) backends.Sampling {
	replace(&s.MaxTokens, p.MaxTokens)
	replace(&s.Temperature, p.Temperature)
	replace(&s.TopP, p.TopP)
	replace(&s.TopK, p.TopK)
	replace(&s.MinP, p.MinP)
	replace(&s.Stop, p.Stop)
	return s
}

func replace[T any](to *T, by *T) {
	if by != nil {
		*to = *by
	}
}
