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
	// assume has the values of fields that its config.json may leave out.
	assume map[string]int
	// model is the model_type of configs that name no architecture, "" for none.
	model string
	// rename lists beginnings of tensor names and what stands for them in other files of the same architecture.
	rename [][2]string
}

// architectures lists all that the engine runs.
var architectures = []architecture{
	{name: "LlamaForCausalLM", model: "llama", describe: describeLlama, rename: inModel},
	{name: "MistralForCausalLM", model: "mistral", describe: describeMistral, rename: inModel},
	{name: "Qwen2ForCausalLM", model: "qwen2", describe: describeQwen2, rename: inModel},
	{name: "Qwen3ForCausalLM", model: "qwen3", describe: describeQwen3, rename: inModel},
	{name: "GemmaForCausalLM", model: "gemma", tied: true, describe: describeGemma, rename: inModel},
	{name: "Gemma2ForCausalLM", model: "gemma2", tied: true, describe: describeGemma2, rename: inModel},
	{name: "Gemma3ForCausalLM", model: "gemma3_text", tied: true, describe: describeGemma3, assume: gemma3Sizes, rename: inModel},
	{name: "Gemma3ForConditionalGeneration", model: "gemma3", tied: true, nested: "text_config", describe: describeGemma3, assume: gemma3Sizes, rename: [][2]string{
		{"model.", "model.language_model."}, {"model.", "language_model.model."}, {"lm_head.", "language_model.lm_head."},
	}},
	{name: "Phi3ForCausalLM", model: "phi3", describe: describePhi3, rename: inModel},
	{name: "OlmoForCausalLM", model: "olmo", describe: describeOlmo, rename: inModel},
	{name: "Olmo2ForCausalLM", model: "olmo2", describe: describeOlmo2, rename: inModel},
	{name: "Olmo3ForCausalLM", model: "olmo3", describe: describeOlmo3, rename: inModel},
	{name: "SmolLM3ForCausalLM", model: "smollm3", tied: true, describe: describeSmolLM3, rename: inModel},
	{name: "GraniteForCausalLM", model: "granite", describe: describeGranite, rename: inModel},
	{name: "CohereForCausalLM", model: "cohere", tied: true, describe: describeCohere, rename: inModel},
	{name: "Starcoder2ForCausalLM", model: "starcoder2", tied: true, describe: describeStarcoder2, rename: inModel},
	{name: "StableLmForCausalLM", model: "stablelm", describe: describeStableLM, rename: inModel},
	{name: "PhiForCausalLM", model: "phi", describe: describePhi, rename: inModel},
	{name: "GPTNeoXForCausalLM", model: "gpt_neox", describe: describeNeoX, rename: [][2]string{{"gpt_neox.", ""}}},
	{name: "GPT2LMHeadModel", model: "gpt2", tied: true, describe: describeGPT2, rename: inTransformer},
	{name: "GPTBigCodeForCausalLM", model: "gpt_bigcode", tied: true, describe: describeBigCode, rename: inTransformer},
	{name: "GPTNeoForCausalLM", model: "gpt_neo", tied: true, describe: describeGPTNeo, rename: inTransformer},
	{name: "GPTJForCausalLM", model: "gptj", describe: describeGPTJ, rename: inTransformer},
	{name: "CodeGenForCausalLM", model: "codegen", describe: describeCodeGen, rename: inTransformer},
	{name: "OPTForCausalLM", model: "opt", tied: true, describe: describeOPT, rename: inModel},
	{name: "BloomForCausalLM", model: "bloom", tied: true, describe: describeBloom, rename: inTransformer},
	{name: "MptForCausalLM", model: "mpt", tied: true, describe: describeMPT, rename: inTransformer},
	{name: "MPTForCausalLM", tied: true, describe: describeMPT, rename: inTransformer},
	{name: "FalconForCausalLM", model: "falcon", tied: true, describe: describeFalcon, rename: inTransformer},
	{name: "RWForCausalLM", tied: true, describe: describeFalcon, rename: inTransformer},
	{name: "BertForMaskedLM", model: "bert", tied: true, describe: describeBERT, rename: [][2]string{{"bert.", ""}, {"cls.predictions.bias", "cls.predictions.decoder.bias"}}},
	{name: "BertForPreTraining", tied: true, describe: describeBERT, rename: [][2]string{{"bert.", ""}, {"cls.predictions.bias", "cls.predictions.decoder.bias"}}},
	{name: "RobertaForMaskedLM", model: "roberta", tied: true, describe: describeRoBERTa, rename: [][2]string{{"roberta.", ""}, {"lm_head.bias", "lm_head.decoder.bias"}}},
	{name: "XLMRobertaForMaskedLM", model: "xlm-roberta", tied: true, describe: describeRoBERTa, rename: [][2]string{{"roberta.", ""}, {"lm_head.bias", "lm_head.decoder.bias"}}},
	{name: "CamembertForMaskedLM", model: "camembert", tied: true, describe: describeRoBERTa, rename: [][2]string{{"roberta.", ""}, {"lm_head.bias", "lm_head.decoder.bias"}}},
	{name: "DistilBertForMaskedLM", model: "distilbert", tied: true, describe: describeDistilBERT, rename: [][2]string{{"distilbert.", ""}}},
	{name: "AlbertForMaskedLM", model: "albert", tied: true, describe: describeALBERT, rename: [][2]string{{"albert.", ""}, {"predictions.bias", "predictions.decoder.bias"}}},
	{name: "ElectraForMaskedLM", model: "electra", tied: true, describe: describeELECTRA, rename: [][2]string{{"electra.", ""}}},
}

// The beginning of names that files of a bare model leave out.
var (
	inModel       = [][2]string{{"model.", ""}}
	inTransformer = [][2]string{{"transformer.", ""}}
)

// gemma3Sizes are those of configs that hold what differs from them only, as in the image models' text_config.
var gemma3Sizes = map[string]int{
	"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26, "num_attention_heads": 8,
	"num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131072,
}

// findArchitecture gives the first of the names that the engine runs, or what a config without names is by its model
// type; nil if there is none.
func findArchitecture(names []string, modelType string) *architecture {
	if len(names) == 0 && modelType != "" {
		for i := range architectures {
			if architectures[i].model == modelType {
				return &architectures[i]
			}
		}
	}
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
