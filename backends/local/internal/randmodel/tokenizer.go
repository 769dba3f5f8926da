package randmodel

import "fmt"

const endOfText = "<|endoftext|>"

// byteChars are the characters that stand for bytes in byte-level vocabularies: GPT-2's table.
func byteChars() [256]string {
	var chars [256]string
	next := rune(256)
	for b := range 256 {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			chars[b] = string(rune(b))
			continue
		}
		chars[b] = string(next)
		next++
	}
	return chars
}

// frequent are the letters of English text, the most frequent first.
const frequent = " etaoinshrdlcumwfgypbvk,.'\"-ETAOINSHRDLCUMWFGYPBVKjxqzJXQZ0123456789?!:;()\n"

// tokenizerJSON is a byte-level BPE with a number of tokens: the end of text, the bytes, and merges of pairs of frequent
// letters, then of those pairs with one another. It makes about as many tokens of English text as there are pairs.
func tokenizerJSON(size int) (map[string]any, error) {
	if size < 257 {
		return nil, fmt.Errorf("a vocabulary of %d has no room for the bytes", size)
	}
	chars := byteChars()
	vocab := map[string]int{endOfText: 0}
	for b, c := range chars {
		vocab[c] = b + 1
	}
	var merges [][2]string
	var tokens []string
	add := func(a, b string) {
		if _, there := vocab[a+b]; !there && len(vocab) < size {
			vocab[a+b] = len(vocab)
			merges = append(merges, [2]string{a, b})
			tokens = append(tokens, a+b)
		}
	}
	for sum := range 2*len(frequent) - 1 { // the most frequent pairs first
		for i := max(0, sum-len(frequent)+1); i <= min(sum, len(frequent)-1); i++ {
			if frequent[sum-i] != ' ' { // words begin with their space
				add(chars[frequent[i]], chars[frequent[sum-i]])
			}
		}
	}
	pairs := tokens
	for sum := 0; len(vocab) < size && sum < 2*len(pairs); sum++ {
		for i := max(0, sum-len(pairs)+1); i <= min(sum, len(pairs)-1) && len(vocab) < size; i++ {
			if pairs[sum-i][:len(chars[' '])] != chars[' '] {
				add(pairs[i], pairs[sum-i])
			}
		}
	}
	if len(vocab) < size {
		return nil, fmt.Errorf("a vocabulary of %d is more than there are pairs of pairs", size)
	}
	return map[string]any{
		"version":       "1.0",
		"added_tokens":  []any{map[string]any{"id": 0, "content": endOfText, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}},
		"normalizer":    nil,
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
		"decoder":       map[string]any{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model":         map[string]any{"type": "BPE", "vocab": vocab, "merges": merges, "unk_token": nil, "dropout": nil},
	}, nil
}
