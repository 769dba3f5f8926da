package instruct

import (
	"strings"
	"unicode"

	"github.com/abadojack/whatlanggo"
)

// inLanguage reports whether a text is in the language with the ISO 639-1 code. A text without letters counts as
// in any language.
func inLanguage(text, code string) bool {
	if !strings.ContainsFunc(text, unicode.IsLetter) {
		return true
	}
	lang := whatlanggo.DetectLangWithOptions(lower(text), whatlanggo.Options{Whitelist: known})
	return lang.Iso6391() == code
}

// known are the languages that langdetect knows, but for Welsh, Swahili and others that whatlanggo does not.
var known = map[whatlanggo.Lang]bool{
	whatlanggo.Afr: true, whatlanggo.Arb: true, whatlanggo.Bul: true, whatlanggo.Ben: true, whatlanggo.Ces: true,
	whatlanggo.Dan: true, whatlanggo.Deu: true, whatlanggo.Ell: true, whatlanggo.Eng: true, whatlanggo.Spa: true,
	whatlanggo.Est: true, whatlanggo.Pes: true, whatlanggo.Fin: true, whatlanggo.Fra: true, whatlanggo.Guj: true,
	whatlanggo.Heb: true, whatlanggo.Hin: true, whatlanggo.Hrv: true, whatlanggo.Hun: true, whatlanggo.Ind: true,
	whatlanggo.Ita: true, whatlanggo.Jpn: true, whatlanggo.Kan: true, whatlanggo.Kor: true, whatlanggo.Lit: true,
	whatlanggo.Lav: true, whatlanggo.Mkd: true, whatlanggo.Mal: true, whatlanggo.Mar: true, whatlanggo.Nep: true,
	whatlanggo.Nld: true, whatlanggo.Nob: true, whatlanggo.Pan: true, whatlanggo.Pol: true, whatlanggo.Por: true,
	whatlanggo.Ron: true, whatlanggo.Rus: true, whatlanggo.Slv: true, whatlanggo.Som: true, whatlanggo.Swe: true,
	whatlanggo.Tam: true, whatlanggo.Tel: true, whatlanggo.Tha: true, whatlanggo.Tgl: true, whatlanggo.Tur: true,
	whatlanggo.Ukr: true, whatlanggo.Urd: true, whatlanggo.Vie: true, whatlanggo.Cmn: true,
}
