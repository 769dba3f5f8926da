package local

import (
	"strings"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// architecture translates the config.json of one kind of checkpoint into a blueprint. It computes nothing: the forward
// pass is one for all.
type architecture struct {
	name     string // in config.json
	tied     bool   // the head is the embedding where the config does not say
	nested   string // the field that holds the config of the text model, "" for the file itself
	describe func(c *config, b *blueprint)
	// rename lists beginnings of tensor names and what stands for them in other files of the same architecture.
	rename [][2]string
}

// architectures lists all that the engine runs.
var architectures = []architecture{
	{name: "LlamaForCausalLM", describe: describeLlama, rename: inModel},
	{name: "MistralForCausalLM", describe: describeMistral, rename: inModel},
	{name: "Qwen2ForCausalLM", describe: describeQwen2, rename: inModel},
	{name: "Qwen3ForCausalLM", describe: describeQwen3, rename: inModel},
	{name: "GemmaForCausalLM", tied: true, describe: describeGemma, rename: inModel},
	{name: "Gemma2ForCausalLM", tied: true, describe: describeGemma2, rename: inModel},
	{name: "Gemma3ForCausalLM", tied: true, describe: describeGemma3, rename: inModel},
	{name: "Gemma3ForConditionalGeneration", tied: true, nested: "text_config", describe: describeGemma3, rename: [][2]string{
		{"model.", "model.language_model."}, {"model.", "language_model.model."}, {"lm_head.", "language_model.lm_head."},
	}},
	{name: "Phi3ForCausalLM", describe: describePhi3, rename: inModel},
	{name: "OlmoForCausalLM", describe: describeOlmo, rename: inModel},
	{name: "Olmo2ForCausalLM", describe: describeOlmo2, rename: inModel},
	{name: "Olmo3ForCausalLM", describe: describeOlmo3, rename: inModel},
	{name: "SmolLM3ForCausalLM", tied: true, describe: describeSmolLM3, rename: inModel},
	{name: "GraniteForCausalLM", describe: describeGranite, rename: inModel},
	{name: "CohereForCausalLM", tied: true, describe: describeCohere, rename: inModel},
	{name: "Starcoder2ForCausalLM", tied: true, describe: describeStarcoder2, rename: inModel},
	{name: "StableLmForCausalLM", describe: describeStableLM, rename: inModel},
	{name: "PhiForCausalLM", describe: describePhi, rename: inModel},
	{name: "GPTNeoXForCausalLM", describe: describeNeoX, rename: [][2]string{{"gpt_neox.", ""}}},
	{name: "GPT2LMHeadModel", tied: true, describe: describeGPT2, rename: inTransformer},
	{name: "GPTBigCodeForCausalLM", tied: true, describe: describeBigCode, rename: inTransformer},
	{name: "GPTNeoForCausalLM", tied: true, describe: describeGPTNeo, rename: inTransformer},
	{name: "GPTJForCausalLM", describe: describeGPTJ, rename: inTransformer},
	{name: "CodeGenForCausalLM", describe: describeCodeGen, rename: inTransformer},
	{name: "OPTForCausalLM", tied: true, describe: describeOPT, rename: inModel},
	{name: "BloomForCausalLM", tied: true, describe: describeBloom, rename: inTransformer},
	{name: "MptForCausalLM", tied: true, describe: describeMPT, rename: inTransformer},
	{name: "MPTForCausalLM", tied: true, describe: describeMPT, rename: inTransformer},
	{name: "FalconForCausalLM", tied: true, describe: describeFalcon, rename: inTransformer},
	{name: "RWForCausalLM", tied: true, describe: describeFalcon, rename: inTransformer},
	{name: "BertForMaskedLM", tied: true, describe: describeBERT, rename: [][2]string{{"bert.", ""}, {"cls.predictions.bias", "cls.predictions.decoder.bias"}}},
	{name: "BertForPreTraining", tied: true, describe: describeBERT, rename: [][2]string{{"bert.", ""}, {"cls.predictions.bias", "cls.predictions.decoder.bias"}}},
	{name: "RobertaForMaskedLM", tied: true, describe: describeRoBERTa, rename: [][2]string{{"roberta.", ""}, {"lm_head.bias", "lm_head.decoder.bias"}}},
	{name: "XLMRobertaForMaskedLM", tied: true, describe: describeRoBERTa, rename: [][2]string{{"roberta.", ""}, {"lm_head.bias", "lm_head.decoder.bias"}}},
	{name: "CamembertForMaskedLM", tied: true, describe: describeRoBERTa, rename: [][2]string{{"roberta.", ""}, {"lm_head.bias", "lm_head.decoder.bias"}}},
	{name: "DistilBertForMaskedLM", tied: true, describe: describeDistilBERT, rename: [][2]string{{"distilbert.", ""}}},
	{name: "AlbertForMaskedLM", tied: true, describe: describeALBERT, rename: [][2]string{{"albert.", ""}, {"predictions.bias", "predictions.decoder.bias"}}},
	{name: "ElectraForMaskedLM", tied: true, describe: describeELECTRA, rename: [][2]string{{"electra.", ""}}},
}

// The beginning of names that files of a bare model leave out.
var (
	inModel       = [][2]string{{"model.", ""}}
	inTransformer = [][2]string{{"transformer.", ""}}
)

// findArchitecture gives the first of the names that the engine runs, or nil.
func findArchitecture(names []string) *architecture {
	for _, name := range names {
		for i := range architectures {
			if architectures[i].name == name {
				return &architectures[i]
			}
		}
	}
	return nil
}

// aliases finds tensors under the names that other files of an architecture have for them.
type aliases struct {
	source
	rename [][2]string
}

// spellings are endings that older files have in place of others.
var spellings = [][2]string{{".weight", ".gamma"}, {".bias", ".beta"}}

// name gives the name under which a tensor stands in the file, the name itself where it does not.
func (a aliases) name(name string) string {
	for _, begin := range append([][2]string{{"", ""}}, a.rename...) {
		rest, ok := strings.CutPrefix(name, begin[0])
		if !ok {
			continue
		}
		if a.source.has(begin[1] + rest) {
			return begin[1] + rest
		}
		for _, end := range spellings {
			if stem, ok := strings.CutSuffix(rest, end[0]); ok && a.source.has(begin[1]+stem+end[1]) {
				return begin[1] + stem + end[1]
			}
		}
	}
	return name
}

func (a aliases) has(name string) bool { return a.source.has(a.name(name)) }

func (a aliases) tensor(name string, shape ...int) ([]float32, error) {
	return a.source.tensor(a.name(name), shape...)
}

func (a aliases) table(name string, n, width int) (table, error) {
	return a.source.table(a.name(name), n, width)
}

func (a aliases) linear(k int, parts ...outputs) (kernels.Weight, error) {
	return a.source.linear(k, a.renamed(parts)...)
}

func (a aliases) bias(parts ...outputs) ([]float32, error) { return a.source.bias(a.renamed(parts)...) }

// renamed gives the parts with the names of the file.
func (a aliases) renamed(parts []outputs) []outputs {
	out := make([]outputs, len(parts))
	for i, p := range parts {
		p.name = a.name(p.name)
		if p.bias != "" {
			p.bias = a.name(p.bias)
		}
		out[i] = p
	}
	return out
}
