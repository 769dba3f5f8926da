package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// redacted stands wherever a key would.
const redacted = "[key]"

// shortestSecret is the least length of a key that is looked for in what servers say: a shorter one, as the "EMPTY" that
// local servers are given, is no secret and may occur in any text.
const shortestSecret = 8

// Key is the secret that a server knows its caller by. However it is printed, logged or encoded, it shows as "[key]"; the
// secret itself is behind a function, which printing by reflection does not call, so that a struct with a Key in a hidden
// field does not show it either. The zero value is no key.
type Key struct {
	reveal func() string
}

// NewKey makes a key of a secret; white space around it, as files and shells leave it, is dropped.
func NewKey(secret string) Key {
	secret = strings.TrimSpace(secret)
	if secret == "" {
		return Key{}
	}
	return Key{func() string { return secret }}
}

// IsSet reports whether there is a key.
func (k Key) IsSet() bool { return k.reveal != nil }

func (k Key) secret() string {
	if k.reveal == nil {
		return ""
	}
	return k.reveal()
}

// valid tells whether the key can stand in a header. Its error does not quote it.
func (k Key) valid() error {
	for _, c := range []byte(k.secret()) {
		if c <= ' ' || c >= 0x7f {
			return errors.New("the key has a space or a character that is no ASCII in it")
		}
	}
	return nil
}

func (k Key) String() string {
	if k.reveal == nil {
		return ""
	}
	return redacted
}

// GoString is what %#v prints.
func (k Key) GoString() string { return k.String() }

// Format prints "[key]" for every verb.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, k.String()) }

// MarshalText writes "[key]", in JSON and elsewhere.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue is what a structured log shows.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Redact replaces the key in a text, also where it is escaped as in a URL.
func (k Key) Redact(text string) string {
	secret := k.secret()
	if len(secret) < shortestSecret {
		return text
	}
	text = strings.ReplaceAll(text, secret, redacted)
	for _, escaped := range []string{url.QueryEscape(secret), url.PathEscape(secret)} {
		if escaped != secret {
			text = strings.ReplaceAll(text, escaped, redacted)
		}
	}
	return text
}
