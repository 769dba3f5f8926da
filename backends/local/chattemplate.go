package local

import (
	"io/fs"

	"github.com/onset-eval/onset/backends/local/tokens"
)

// chat is what a checkpoint says of turns: its template, "" for none, and the tokens that templates name.
type chat struct {
	template string
	tokens   map[string]string
}

// readChat reads the chat template as transformers does (tokens.ReadChat).
func readChat(fsys fs.FS) (chat, error) {
	c, err := tokens.ReadChat(fsys)
	return chat{c.Template, c.Tokens}, err
}
