package tasks

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/onset-eval/onset/backends"
)

// PromptDigest gives "sha256:" and the hex digest of what a request asks: its kind, prompt or messages,
// and continuations. How the answer is sampled is no part of it.
func PromptDigest(r backends.Request) string {
	parts := []string{string(r.Kind), r.Prompt}
	for _, m := range r.Messages {
		parts = append(parts, "message", m.Role, m.Content)
	}
	for _, c := range r.Continuations {
		parts = append(parts, "continuation", c)
	}
	return digestOf(parts)
}

// TargetDigest gives "sha256:" and the hex digest of what is right: targets, choices and scored text.
func TargetDigest(s Sample) string {
	parts := []string{s.Text}
	for _, t := range s.Targets {
		parts = append(parts, "target", t)
	}
	for i, c := range s.Choices {
		word := "choice"
		for _, g := range s.Gold {
			if g == i {
				word = "gold"
			}
		}
		parts = append(parts, word, c)
	}
	return digestOf(parts)
}

// digestOf hashes texts with their lengths, so that ("ab","c") and ("a","bc") differ.
func digestOf(parts []string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
