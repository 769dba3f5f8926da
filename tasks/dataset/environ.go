package dataset

import (
	"os"
	"path/filepath"
	"strings"
)

// SourcesFrom reads the variables that the Python libraries of the hub heed: HF_HOME, HF_HUB_CACHE,
// HF_DATASETS_CACHE, XDG_CACHE_HOME, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE and
// HF_DATASETS_OFFLINE. home is the user's folder.
func SourcesFrom(getenv func(string) string, home string) Sources {
	first := func(names ...string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	cache := first("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(home, ".cache")
	}
	hf := first("HF_HOME")
	if hf == "" {
		hf = filepath.Join(cache, "huggingface")
	}
	s := Sources{HubCache: first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), DatasetsCache: first("HF_DATASETS_CACHE")}
	if s.HubCache == "" {
		s.HubCache = filepath.Join(hf, "hub")
	}
	if s.DatasetsCache == "" {
		s.DatasetsCache = filepath.Join(hf, "datasets")
	}
	s.Hub.URL = first("HF_ENDPOINT")
	s.Hub.Token = strings.TrimSpace(first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
	if s.Hub.Token == "" {
		name := first("HF_TOKEN_PATH")
		if name == "" {
			name = filepath.Join(hf, "token")
		}
		if b, err := os.ReadFile(name); err == nil {
			s.Hub.Token = strings.TrimSpace(string(b))
		}
	}
	for _, n := range []string{"HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		switch strings.ToLower(getenv(n)) {
		case "1", "true", "yes", "on":
			s.Hub.Offline = true
		}
	}
	return s
}
