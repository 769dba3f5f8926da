package runlog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sort"
	"strings"
)

// Identity is a digest ("sha256:" and hex) of all that decides the numbers of a run: seed, quirks, settings,
// and each model, task and scorer, in any order. Versions of onset, times, base URLs, model arguments and the
// plan take no part, so a run may be resumed with another server address or more workers.
func (h Header) Identity() string {
	facts := h.facts()
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		_, _ = fmt.Fprintf(sum, "%q %q\n", name, facts[name])
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// Diff lists what decides the numbers and differs between h and other, one readable line each, sorted. It is
// empty exactly where the identities are equal.
func (h Header) Diff(other Header) []string {
	ours, theirs := h.facts(), other.facts()
	var lines []string
	for name, have := range ours {
		want, ok := theirs[name]
		switch {
		case !ok:
			lines = append(lines, fmt.Sprintf("%s: %s here, absent there", name, have))
		case have != want:
			lines = append(lines, fmt.Sprintf("%s: %s here, %s there", name, have, want))
		}
	}
	for name, want := range theirs {
		if _, ok := ours[name]; !ok {
			lines = append(lines, fmt.Sprintf("%s: absent here, %s there", name, want))
		}
	}
	sort.Strings(lines)
	return lines
}

// facts gives what decides the numbers, by readable name.
func (h Header) facts() map[string]string {
	f := map[string]string{"seed": fmt.Sprint(h.Seed)}
	if h.Quirks != "" {
		f["quirks"] = h.Quirks
	}
	for name, v := range h.Settings {
		f["setting "+name] = v
	}
	for _, t := range h.Tasks {
		f["task "+t.Name] = t.Digest
		if t.Version != "" {
			f["task "+t.Name+" version"] = t.Version
		}
	}
	for _, s := range h.Scorers {
		f["scorer "+s.Name+" version"] = fmt.Sprint(s.Version)
	}
	for _, m := range h.Models {
		modelFacts(f, m)
	}
	return f
}

func modelFacts(f map[string]string, m ModelHeader) {
	name := "model " + m.Name
	put := func(what, value string) {
		if value != "" {
			f[name+" "+what] = value
		}
	}
	put("provider", m.Info.Provider)
	put("revision", m.Info.Revision)
	put("weights", m.Info.WeightsHash)
	put("chat template", m.Info.ChatTemplate)
	if m.Info.WeightsHash == "" { // weights that are known by digest may move to another path
		put("reference", m.Ref.String())
	}
	if m.Info.ContextLength != 0 {
		put("context length", fmt.Sprint(m.Info.ContextLength))
	}
	if m.Info.Messages {
		put("takes", "messages")
	}
	for k, v := range m.Info.Details {
		if k != "endpoint" { // a server may move
			put(k, v)
		}
	}
}

// withoutSecrets copies models without keys and passwords in arguments and base URLs.
func withoutSecrets(models []ModelHeader) []ModelHeader {
	out := slices.Clone(models)
	for i, m := range out {
		if u, err := url.Parse(m.BaseURL); err == nil && (u.User != nil || u.RawQuery != "") {
			u.User = nil
			query := u.Query()
			for name := range query {
				if secretName(name) {
					query.Del(name)
				}
			}
			u.RawQuery = query.Encode()
			out[i].BaseURL = u.String()
		}
		out[i].Args = maps.Clone(m.Args)
		maps.DeleteFunc(out[i].Args, func(name, _ string) bool { return secretName(name) })
	}
	return out
}

// secretName reports whether an argument of that name holds a secret, by the names that are in use.
func secretName(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	for _, s := range []string{"key", "secret", "password", "authorization", "token"} {
		if name == s || name == "api"+s || strings.HasSuffix(name, "_"+s) && !vocabulary(name) {
			return true
		}
	}
	return false
}

// vocabulary reports whether name is that of a token of text, as in eos_token.
func vocabulary(name string) bool {
	switch name {
	case "eos_token", "bos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token":
		return true
	}
	return false
}
