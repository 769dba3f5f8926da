package local

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestReadChat(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := []struct {
		name          string
		files         fstest.MapFS
		template, bos string
		wrong         string
	}{
		{name: "nothing", files: fstest.MapFS{}},
		{name: "text", files: fstest.MapFS{"tokenizer_config.json": file(`{"chat_template": "T", "bos_token": "<s>"}`)}, template: "T", bos: "<s>"},
		{name: "objects", files: fstest.MapFS{"tokenizer_config.json": file(`{"chat_template": [{"name": "tool_use", "template": "U"}, {"name": "default", "template": "D"}], "bos_token": {"content": "<b>"}}`)}, template: "D", bos: "<b>"},
		{name: "file of its own", files: fstest.MapFS{"tokenizer_config.json": file(`{"chat_template": "T"}`), "chat_template.jinja": file("J")}, template: "J"},
		{name: "null", files: fstest.MapFS{"tokenizer_config.json": file(`{"chat_template": null, "bos_token": null}`)}},
		{name: "no default", files: fstest.MapFS{"tokenizer_config.json": file(`{"chat_template": [{"name": "rag", "template": "U"}]}`)}, wrong: `no template is named "default"`},
		{name: "number", files: fstest.MapFS{"tokenizer_config.json": file(`{"chat_template": 3}`)}, wrong: "neither a text nor a list"},
		{name: "broken", files: fstest.MapFS{"tokenizer_config.json": file(`{`)}, wrong: "tokenizer_config.json"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			got, err := readChat(c.files)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || got.template != c.template || got.tokens["bos_token"] != c.bos {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
