package tokens

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// maxTemplate bounds the files that may hold a chat template.
const maxTemplate = 16 << 20

// Chat is what a checkpoint says of turns.
type Chat struct {
	Template string            // a Jinja template; "" for none
	Tokens   map[string]string // the tokens that templates name, as bos_token
}

// ReadChat reads the chat template as transformers does: of chat_template.jinja, else of tokenizer_config.json, where it is
// a text, or a list of named ones of which "default" counts.
func ReadChat(fsys fs.FS) (Chat, error) {
	var c Chat
	var config map[string]json.RawMessage
	data, err := readSmall(fsys, "tokenizer_config.json")
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte("{}")
	} else if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return c, fmt.Errorf("read tokenizer_config.json: %w", err)
	}
	c.Tokens = make(map[string]string)
	for _, name := range tokenNames {
		if text, ok := tokenText(config[name]); ok {
			c.Tokens[name] = text
		}
	}
	if err := c.older(fsys); err != nil {
		return c, err
	}
	own, err := readSmall(fsys, "chat_template.jinja")
	switch {
	case err == nil:
		c.Template = string(own)
	case !errors.Is(err, fs.ErrNotExist):
		return c, err
	case config["chat_template"] != nil:
		if c.Template, err = templateOf(config["chat_template"]); err != nil {
			return c, fmt.Errorf("read tokenizer_config.json: chat_template: %w", err)
		}
	}
	return c, nil
}

func readSmall(fsys fs.FS, name string) ([]byte, error) {
	stat, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if stat.Size() > maxTemplate {
		return nil, fmt.Errorf("%s has %d bytes: no more than %d are read", name, stat.Size(), maxTemplate)
	}
	return fs.ReadFile(fsys, name)
}

// tokenText gives a token that stands as text or as an object with the text in content.
func tokenText(raw json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return text, true
	}
	var object struct {
		Content string `json:"content"`
	}
	if json.Unmarshal(raw, &object) == nil && object.Content != "" {
		return object.Content, true
	}
	return "", false
}

func templateOf(raw json.RawMessage) (string, error) {
	var text *string // null is none
	if err := json.Unmarshal(raw, &text); err == nil {
		if text == nil {
			return "", nil
		}
		return *text, nil
	}
	var named []struct{ Name, Template string }
	if err := json.Unmarshal(raw, &named); err != nil {
		return "", errors.New("it is neither a text nor a list of named templates")
	}
	for _, n := range named {
		if n.Name == "default" {
			return n.Template, nil
		}
	}
	return "", errors.New(`no template is named "default"`)
}

// older takes the tokens that special_tokens_map.json, which older checkpoints have, names beside.
func (c *Chat) older(fsys fs.FS) error {
	data, err := readSmall(fsys, "special_tokens_map.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var named map[string]json.RawMessage
	if err := json.Unmarshal(data, &named); err != nil {
		return fmt.Errorf("read special_tokens_map.json: %w", err)
	}
	for _, name := range tokenNames {
		if text, ok := tokenText(named[name]); ok && c.Tokens[name] == "" {
			c.Tokens[name] = text
		}
	}
	return nil
}

// tokenNames are the special tokens by their names in the tokenizer's files.
var tokenNames = []string{"bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token", "mask_token"}
